// The other end of parts/ring.ts: takes what comes, or answers each record with one.
import { parentPort, workerData } from 'node:worker_threads'
import { Doorbell } from '../../src/ring/doorbell.js'
import { RingConsumer } from '../../src/ring/ring-consumer.js'
import { RingProducer } from '../../src/ring/ring-producer.js'
import { RING_RECORD, type RingThreadTask } from './ring-task.js'

const { there, back, ownBell, otherBell, answers, parks } = workerData as RingThreadTask
const bell = new Doorbell(ownBell)
const consumer = new RingConsumer(there)
const producer = new RingProducer(back, new Doorbell(otherBell))
const stillEmpty = (): boolean => consumer.isEmpty()
let taken = 0
let isOver = false
parentPort?.postMessage('ready')
while (!isOver) {
  while (consumer.next()) {
    if (consumer.kind === RING_RECORD.stop) isOver = true
    taken++
    if (!answers) continue
    producer.tryClaim(RING_RECORD.data, consumer.length)
    producer.commit()
    producer.publish()
  }
  consumer.release()
  if (parks && !isOver) bell.park(1_000, stillEmpty)
}
parentPort?.postMessage(taken)
