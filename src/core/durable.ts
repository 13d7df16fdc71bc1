import type { Ballot, Instance, MembershipVersion } from '../base/numbers.js'
import type { Value } from './command-run.js'
import type { SavedSession } from './sessions.js'

/** An acceptor's record of one instance that it does not know chosen. */
export interface AcceptedRecord {
  readonly instance: Instance
  readonly ballot: Ballot
  /** The last instance that the leader of `ballot` re-proposed from its prepare; `from - 1` if there was none. */
  readonly recoveredTo: Instance
  readonly version: MembershipVersion
  readonly value: Value
}

/**
 * A record as it is written and read back. `ballot === 0` means stored as chosen (learned): such a record is only ever
 * written in the same commit as a head whose `chosenUpTo` covers it.
 */
export type LogRecord = AcceptedRecord

/** The small state of one group that a vote depends on, written with every commit. */
export interface Head {
  /** Only grows; learning, checkpoints and trimming never touch it. */
  readonly promised: Ballot
  readonly chosenUpTo: Instance
  /** The checksum chain at `chosenUpTo`. */
  readonly chain: number
  /** The highest instance for which a record is stored, `chosenUpTo` if there is none above it. */
  readonly lastAccepted: Instance
  /** The first instance the log still holds; 1 until something was trimmed. */
  readonly firstKept: Instance
}

export const EMPTY_HEAD: Head = { promised: 0, chosenUpTo: 0, chain: 0, lastAccepted: 0, firstKept: 1 }

/** What a group finds on disk at its start: its head and the accepted records above `chosenUpTo`, in order. */
export interface DurableState {
  readonly head: Head
  readonly tail: readonly LogRecord[]
}

/**
 * Where the replicated state stood when it was last made durable (the state environment, or a checkpoint): execution
 * goes on behind it. Never ahead of the head's `chosenUpTo`.
 */
export interface Base {
  readonly executedUpTo: Instance
  /** The checksum chain there. */
  readonly chain: number
  /** The built-in state there. */
  readonly sessions: readonly SavedSession[]
}

export const EMPTY_BASE: Base = { executedUpTo: 0, chain: 0, sessions: [] }

/** A checkpoint of this node that peers may have. */
export interface CheckpointRef {
  readonly instance: Instance
  /** Checksum of its manifest: two checkpoints of one instance and id are the same bytes. */
  readonly id: number
  readonly manifestBytes: number
  readonly dataBytes: number
}
