import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { allocateDoorbell, Doorbell } from '../../src/ring/doorbell.js'
import { allocateRing } from '../../src/ring/layout.js'
import { RingConsumer } from '../../src/ring/ring-consumer.js'
import { RingProducer } from '../../src/ring/ring-producer.js'
import { bytesName, type PartRow, percentile } from './part.js'
import { RING_RECORD, type RingThreadTask } from './ring-task.js'

const RING_BYTES = 2 * 1024 * 1024
const RECORD_BYTES = [16, 100, 1024, 16 * 1024]
/** Records that become visible together, as in a turn of the host. */
const BATCH = 64
const HOP_BYTES = 100

/** Records to another thread as fast as it takes them, and one there and one back with both ends asleep or awake. */
export async function ringRows(ms: number): Promise<PartRow[]> {
  const rows: PartRow[] = []
  for (const bytes of RECORD_BYTES) rows.push(await throughputRow(bytes, ms))
  for (const parks of [true, false]) rows.push(await hopRow(parks, ms))
  return rows
}

class RingPair {
  readonly producer: RingProducer
  readonly consumer: RingConsumer
  readonly bell: Doorbell
  readonly #worker: Worker

  constructor(answers: boolean, parks: boolean) {
    const [there, back] = [allocateRing(RING_BYTES), allocateRing(RING_BYTES)]
    const [ownBell, otherBell] = [allocateDoorbell(), allocateDoorbell()]
    const workerData: RingThreadTask = { there, back, ownBell, otherBell, answers, parks }
    this.#worker = new Worker(new URL('./ring-thread.js', import.meta.url), { workerData })
    this.producer = new RingProducer(there, new Doorbell(ownBell))
    this.consumer = new RingConsumer(back)
    this.bell = new Doorbell(otherBell)
  }

  ready(): Promise<unknown> {
    return once(this.#worker, 'message')
  }

  put(kind: number, bytes: number): boolean {
    if (this.producer.tryClaim(kind, bytes) < 0) return false
    this.producer.commit()
    return true
  }

  /** How many records the other end has taken, this last one included. */
  async end(): Promise<number> {
    const answer = once(this.#worker, 'message') as Promise<[number]>
    while (!this.put(RING_RECORD.stop, 0)) this.producer.publish()
    this.producer.publish()
    return (await answer)[0]
  }
}

async function throughputRow(bytes: number, ms: number): Promise<PartRow> {
  const pair = new RingPair(false, true)
  await pair.ready()
  const began = performance.now()
  while (performance.now() - began < ms) {
    for (let i = 0; i < BATCH; i++) if (!pair.put(RING_RECORD.data, bytes)) break
    pair.producer.publish()
  }
  const taken = await pair.end()
  const seconds = (performance.now() - began) / 1000
  return {
    part: 'ring',
    what: `records of ${bytesName(bytes)}`,
    figures: { 'records/s': taken / seconds, 'MB/s': (taken * bytes) / seconds / 1e6 },
  }
}

async function hopRow(parks: boolean, ms: number): Promise<PartRow> {
  const pair = new RingPair(true, parks)
  const { producer, consumer, bell } = pair
  const stillEmpty = (): boolean => consumer.isEmpty()
  await pair.ready()
  const micros: number[] = []
  const began = performance.now()
  for (let before = began; before - began < ms; ) {
    pair.put(RING_RECORD.data, HOP_BYTES)
    producer.publish()
    while (!consumer.next()) if (parks) bell.park(1_000, stillEmpty)
    consumer.release()
    const now = performance.now()
    micros.push(((now - before) * 1000) / 2)
    before = now
  }
  await pair.end()
  return {
    part: 'ring',
    what: `one way, both ends ${parks ? 'parked' : 'polling'}`,
    figures: { 'p50 µs': percentile(micros, 0.5), 'p99 µs': percentile(micros, 0.99) },
  }
}
