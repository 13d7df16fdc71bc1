// A thread that never returns to its event loop, as a group worker: commits, reads back what it just wrote, and does so
// many times. Says what it saw with its last words.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import { LmdbLogStore } from '../../../src/store/lmdb-log-store.js'
import { accepted, head } from './records.js'
import { VOTER } from './workload.js'

const { path, rounds } = workerData as { path: string; rounds: number }
const store = new LmdbLogStore({ path, voterId: VOTER })
store.create([0])
let missed = 0
let heapBefore = 0
for (let round = 1; round <= rounds; round++) {
  const to = head({ promised: 65537, chosenUpTo: round, firstKept: Math.max(1, round - 100) })
  store.commit([{ group: 0, records: [accepted(round)], head: to }])
  store.endRound()
  if (store.read(0, round, round, 1000)[0]?.instance !== round) missed++
  for (let again = 0; again < 200; again++) {
    store.read(0, round, round, 1000)
    store.endRound()
  }
  if (round === Math.floor(rounds / 2)) heapBefore = collectedHeap()
}
const grown = collectedHeap() - heapBefore
store.close()
parentPort?.postMessage({ missed, grown })

function collectedHeap(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}
