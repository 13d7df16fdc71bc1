import type { GroupIndex } from '../base/numbers.js'
import type { VoterId } from '../core/membership.js'
import { LmdbLogStore } from './lmdb-log-store.js'
import { LmdbStateStore } from './lmdb-state-store.js'
import { isStoreError } from './store-error.js'

/** An environment that may have crashed the process which opened it. */
export interface ProbedStore {
  readonly kind: 'log' | 'state'
  readonly path: string
  readonly groups: readonly GroupIndex[]
}

const SLICE_BYTES = 4 * 1024 * 1024

/**
 * Does with an environment what a node does when it starts; `deep`: reads all of it. Meant for a process of its own: whether
 * it comes back is the answer. What the store itself says of damage is no crash, and left to whoever opens it next.
 */
export function probeStore({ kind, path, groups }: ProbedStore, voterId: VoterId, deep: boolean): void {
  try {
    if (kind === 'log') probeLog(new LmdbLogStore({ path, voterId }), groups, deep)
    else probeState(new LmdbStateStore({ path, voterId }), groups, deep)
  } catch (error) {
    if (!isStoreError(error)) throw error
  }
}

function probeLog(log: LmdbLogStore, groups: readonly GroupIndex[], deep: boolean): void {
  for (const group of groups) {
    const state = log.load(group)
    if (state === undefined || !deep) continue
    for (let from = state.head.firstKept; from <= state.head.chosenUpTo; ) {
      from += Math.max(1, recordsFrom(log, group, from, state.head.chosenUpTo))
    }
  }
  log.close()
}

function recordsFrom(log: LmdbLogStore, group: GroupIndex, from: number, upTo: number): number {
  try {
    return log.read(group, from, upTo, SLICE_BYTES).length
  } catch (error) {
    if (isStoreError(error) && error.code === 'RECORD_DAMAGED') return 1
    throw error
  }
}

function probeState(state: LmdbStateStore, groups: readonly GroupIndex[], deep: boolean): void {
  for (const group of groups) {
    if (state.load(group) === undefined || !deep) continue
    let cursor = state.scrub(group, undefined, SLICE_BYTES)
    while (cursor !== undefined) cursor = state.scrub(group, cursor, SLICE_BYTES)
  }
  state.close()
}
