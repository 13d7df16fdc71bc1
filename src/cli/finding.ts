import type { GroupIndex, Instance } from '../base/numbers.js'
import type { StoreErrorCode } from '../store/store-error.js'

/** One thing that a check of a data directory has found. */
export interface Finding {
  /** 'unchecked': nothing is known to be wrong, and something could not be looked at. 'note': nothing is wrong. */
  readonly level: 'damage' | 'unchecked' | 'note'
  readonly code: StoreErrorCode | 'CHAIN_MISMATCH' | 'CRASHED' | 'NOT_CHECKED'
  /** The file or directory. */
  readonly path: string
  readonly group?: GroupIndex
  readonly instance?: Instance
  /** What was found and what was expected. */
  readonly what: string
  readonly todo?: string
}

/** Where the state of a group stood once: what the log of the group has to lead to. */
export interface KnownPosition {
  readonly kind: 'checkpoint' | 'state'
  readonly path: string
  readonly group: GroupIndex
  readonly instance: Instance
  readonly chain: number
}

export type StorePart = 'checkpoints' | 'state' | 'log'

/** What one process is to check of one store. */
export interface StoreJob {
  readonly dataDir: string
  readonly store: number
  /** In this order. */
  readonly parts: readonly StorePart[]
  /** The process that has the directory; undefined: nobody. */
  readonly owner?: number
  /** Undefined where the manifest cannot be read. */
  readonly voterId?: string
  readonly clusterId?: string
  /** Those that have to be in the store; undefined where nobody knows: those that it says it has. */
  readonly groups?: readonly GroupIndex[]
  /** Only this one of them. */
  readonly only?: GroupIndex
  readonly deep: boolean
  /** From parts that were checked before. */
  readonly positions: readonly KnownPosition[]
}

/** What that process says, a line each. */
export type StoreNews =
  | { readonly kind: 'part'; readonly part: StorePart }
  | { readonly kind: 'reading'; readonly what: string }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'finding'; readonly finding: Finding }
  | { readonly kind: 'position'; readonly position: KnownPosition }
  | { readonly kind: 'counts'; readonly counts: Counts }

export interface Counts {
  readonly groups: number
  readonly records: number
  readonly stateEntries: number
  readonly checkpoints: number
}

export const NO_COUNTS: Counts = { groups: 0, records: 0, stateEntries: 0, checkpoints: 0 }

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    groups: a.groups + b.groups,
    records: a.records + b.records,
    stateEntries: a.stateEntries + b.stateEntries,
    checkpoints: a.checkpoints + b.checkpoints,
  }
}

/** What to do about damage, by what it concerns; as docs/storage.md has it. */
export const TODO = {
  record: 'A running node learns it again from a peer; so start it, or read the alarms if it runs.',
  voter:
    'This voter must not vote any more: start the node, which sets its data aside and returns as a new voter. A node without peers needs a backup.',
  copy: 'The other copy is good, and the next commit writes both anew: start the node, and look at the disk.',
  state: 'Start the node: it drops this state and builds it anew from a checkpoint and the log, or from a peer.',
  checkpoint: 'Remove it while the node is stopped; the group takes another one.',
} as const
