import type { Instance, NodeId } from '../base/numbers.js'
import type { CheckpointRef, Head, LogRecord } from './durable.js'
import type { Message } from './messages.js'
import type { TimerKind } from './timers.js'

/** Everything a group can ask of the world. The runtime, the simulator and the explorer are interpreters of this page. */
export interface Effects {
  /** May go at once, in this order: the core has already held back what must wait for the disk. */
  readonly sends: Send[]
  /** To be made durable by the next commit, together with `head`; then the group wants the input `persisted`. */
  readonly records: LogRecord[]
  /** The head to write with that commit; undefined if nothing of it changed that anything waits for. */
  head: Head | undefined
  /** The latest request per kind wins. */
  readonly timers: TimerRequest[]
  /** Chosen records a peer wants: read them from the log and give them back as the input `served`. */
  readonly reads: LogRead[]
  /** What is to be done with checkpoints, in this order. */
  readonly transfers: Transfer[]
  /** Reads whose point is executed here (or that failed): answer them from the state machine, now. */
  readonly queries: QueryReady[]
  /** Own runs that were given up; the replies of executed ones come out of the executor. */
  readonly ended: RunEnded[]
  /** What an operator should hear of. */
  readonly alarms: Alarm[]
}

export interface Send {
  readonly to: readonly NodeId[]
  readonly message: Message
}

export interface TimerRequest {
  readonly timer: TimerKind
  /** Milliseconds from now; undefined: stop it. */
  readonly delayMs: number | undefined
}

export interface LogRead {
  readonly peer: NodeId
  readonly session: number
  readonly from: Instance
  readonly upTo: Instance
  readonly maxBytes: number
  /** To be given back as it is. */
  readonly once: boolean
}

export type Transfer =
  /** A peer wants a part of a checkpoint of this node: read it and give it back as the input `part-read`. */
  | {
      readonly kind: 'read'
      readonly peer: NodeId
      readonly session: number
      readonly instance: Instance
      readonly id: number
      readonly part: number
    }
  /** Get ready to receive this checkpoint, or to go on with it if a part of it is here; answer with `part-stored`. */
  | ({ readonly kind: 'begin'; readonly session: number } & CheckpointRef)
  /** The next part; answer with `part-stored`. */
  | { readonly kind: 'store'; readonly session: number; readonly part: number; readonly bytes: Uint8Array }
  /** The received checkpoint is complete: load it, and build the group anew; answer with `load-failed` if that fails. */
  | { readonly kind: 'load'; readonly instance: Instance; readonly id: number }
  /** A peer needs a checkpoint, and there is none that would help it: make one. */
  | { readonly kind: 'make' }

export interface QueryReady {
  readonly token: number
  readonly outcome: 'ready' | 'no-quorum'
}

/** An own run whose deadline passed before it was known chosen: given up here, it may still take effect. */
export interface RunEnded {
  /** Sequence of the run's first command, and its count. */
  readonly sequence: number
  readonly count: number
}

export interface Alarm {
  readonly code: 'CHAIN_MISMATCH' | 'CONTRADICTED'
  readonly instance: Instance
  readonly peer: NodeId
}

export function createEffects(): Effects {
  return {
    sends: [],
    records: [],
    head: undefined,
    timers: [],
    reads: [],
    transfers: [],
    queries: [],
    ended: [],
    alarms: [],
  }
}

/** The caller owns the effects and reuses them. */
export function clearEffects(effects: Effects): void {
  effects.sends.length = 0
  effects.records.length = 0
  effects.head = undefined
  effects.timers.length = 0
  effects.reads.length = 0
  effects.transfers.length = 0
  effects.queries.length = 0
  effects.ended.length = 0
  effects.alarms.length = 0
}
