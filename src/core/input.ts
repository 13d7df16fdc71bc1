import type { Instance, Millis, NodeId } from '../base/numbers.js'
import type { CommandRun, Value } from './command-run.js'
import type { CheckpointRef } from './durable.js'
import type { VoterId } from './membership.js'
import type { Message } from './messages.js'
import type { TimerKind } from './timers.js'

/**
 * Everything that can happen to a group. A round of the worker is: any number of inputs, `drained`, one commit of what
 * `records` and `head` asked for, `persisted`, then execution with `executed` after each instance.
 */
export type Input =
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: Message }
  /** The state of the links with a peer. Comes before the first message of a new life of that peer. */
  | { readonly kind: 'link'; readonly peer: NodeId; readonly voterId: VoterId; readonly up: boolean }
  /** Commands of this node: consecutive sequences, made into one run. `deadline` is the latest of theirs. */
  | { readonly kind: 'propose'; readonly run: OwnRun }
  /** A linearizable read of this node; answered by `queries` with the same token. */
  | { readonly kind: 'read'; readonly token: number; readonly deadline: Millis }
  | { readonly kind: 'timer'; readonly timer: TimerKind }
  /** The inputs of this round are in: open instances for what waits. */
  | { readonly kind: 'drained' }
  /** All records and the head handed out so far are on disk. */
  | { readonly kind: 'persisted' }
  /** The values that `reads` asked for; fewer than asked (or none) if the log does not hold them yet. */
  | Served
  /** A chosen record cannot be read from the log: learn it again. */
  | { readonly kind: 'unreadable'; readonly instance: Instance }
  /** The state machines have executed `instance` (always `executedUpTo + 1`). */
  | { readonly kind: 'executed'; readonly instance: Instance }
  /** The newest checkpoint that peers may have; undefined: there is none (any more). */
  | {
      readonly kind: 'checkpoint'
      readonly checkpoint: CheckpointRef | undefined
      /** It is less to send than so many instances of the log. */
      readonly paysFrom: number
    }
  /** The state is to be saved as it is now: the head that has to be on disk before goes into the next commit. */
  | { readonly kind: 'save' }
  /** The log below `firstKept` is not needed any more: at most up to the checkpoint, and to what is executed. */
  | { readonly kind: 'trim'; readonly firstKept: Instance }
  /** The part that the transfer `read` asked for; no bytes if it is not there. */
  | PartRead
  /** What became of the transfers `begin` and `store`. */
  | PartStored
  /** The checkpoint of the transfer `load` could not be loaded. */
  | { readonly kind: 'load-failed' }

export interface Served {
  readonly kind: 'served'
  readonly peer: NodeId
  readonly session: number
  readonly from: Instance
  readonly once: boolean
  readonly values: readonly Value[]
}

export interface PartRead {
  readonly kind: 'part-read'
  readonly peer: NodeId
  readonly session: number
  readonly part: number
  readonly bytes: Uint8Array
}

export interface PartStored {
  readonly kind: 'part-stored'
  readonly session: number
  /** The part that is wanted next. */
  readonly next: number
  /** Parts known to exist: those of the manifest until it is complete, then all. */
  readonly known: number
  /** `refused`: what came is not what was offered. */
  readonly state: 'open' | 'complete' | 'refused'
  /** Groups of this node that take or load a checkpoint now, this one included: they share `fetchBytesPerSecond`. */
  readonly sharers: number
}

export interface OwnRun {
  readonly sequence: number
  readonly count: number
  readonly body: CommandRun['body']
  readonly deadline: Millis
}
