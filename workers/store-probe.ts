import { writeSync } from 'node:fs'
import type { VoterId } from '../src/core/membership.js'
import { type ProbedStore, probeStore } from '../src/store/probe-store.js'

/** The argument of this process. */
export interface ProbeOrder {
  readonly voterId: VoterId
  readonly deep: boolean
  readonly stores: readonly ProbedStore[]
}

// Says the number of each environment before it touches it: the last one said is the one that ended the process.
const { voterId, deep, stores } = JSON.parse(process.argv[2] ?? '') as ProbeOrder
for (const [number, store] of stores.entries()) {
  writeSync(1, `${number}\n`)
  probeStore(store, voterId, deep)
}
