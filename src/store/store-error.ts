import type { GroupIndex, Instance } from '../base/numbers.js'

export type StoreErrorCode =
  /** A write or a flush failed, or an earlier one did: this store must be opened again before it is used. */
  | 'STORAGE_FAILED'
  /** No space for a write; nothing of it was stored. */
  | 'DISK_FULL'
  /** The environment does not open, or its index is damaged: all of its groups. */
  | 'STORE_DAMAGED'
  /** What a vote of this group depends on is unreadable: its head, or its accepted tail. */
  | 'GROUP_DAMAGED'
  /** One record is unreadable; a chosen one can be learned again from a peer. */
  | 'RECORD_DAMAGED'
  /** The state of a group cannot be proven by its checksums: it is rebuilt from a checkpoint and the log. */
  | 'STATE_DAMAGED'
  /** A checkpoint is not what was written; nothing of it may be used. */
  | 'CHECKPOINT_DAMAGED'
  /** Stored by another voter or node. */
  | 'STORE_FOREIGN'
  /** Written by a newer version of this program. */
  | 'FORMAT_UNKNOWN'
  | 'MANIFEST_DAMAGED'
  /** The data directory was made for another number of groups or stores. */
  | 'LAYOUT_CHANGED'
  /** Another living process has the data directory open, or has opened this store since. */
  | 'DATA_DIR_IN_USE'

export interface StoreErrorDetails {
  /** The file or directory. */
  readonly path: string
  readonly group?: GroupIndex
  readonly instance?: Instance
  readonly cause?: unknown
}

/** An expected failure of storage. The message says what was found, what was expected, and what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  readonly path: string
  readonly group: GroupIndex | undefined
  readonly instance: Instance | undefined

  constructor(code: StoreErrorCode, message: string, details: StoreErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.path = details.path
    this.group = details.group
    this.instance = details.instance
  }
}

/** By property, not by class: an error may come from another realm (a test's) or have crossed a thread. */
export function isStoreError(error: unknown): error is StoreError {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'StoreError'
}

export function stateDamaged(path: string, group: GroupIndex, what: string): StoreError {
  const todo = 'It gives no answers from it: the state is to be rebuilt from a checkpoint and the log.'
  return new StoreError('STATE_DAMAGED', `The state of group ${group} in ${path} is damaged: ${what}. ${todo}`, {
    path,
    group,
  })
}
