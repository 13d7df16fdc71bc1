import type { Instance, Millis } from '../base/numbers.js'
import { decodeCbor, encodeCbor } from './cbor.js'
import type { HoldPolicy, SyncMode } from './worker-task.js'

/** The records between host and worker, in one import; record-kinds.ts has the catalogue. */
export * from './inbox-records.js'
export * from './outbox-records.js'
export * from './record-kinds.js'
export * from './reply-record.js'
export * from './status-record.js'

/** Alarms, log lines, changes of settings: rare, and no larger than a line or an object of settings. */
export const MAX_DETAIL_BYTES = 64 * 1024
const BOUNDS = { maxBytes: MAX_DETAIL_BYTES, maxDepth: 16, maxItems: 8192 }

/** The tail of TUNE and EVENT. */
export function encodeDetail(value: unknown): Uint8Array {
  return encodeCbor(value, BOUNDS)
}

export function decodeDetail(bytes: Uint8Array, offset: number, length: number): unknown {
  return decodeCbor(bytes, offset, length, BOUNDS)
}

/** What a worker tells in an EVENT. */
export type WorkerEvent =
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: EventFields }
  | { readonly kind: 'alarm'; readonly code: string; readonly fields: EventFields }
  | { readonly kind: 'state'; readonly state: string; readonly fields: EventFields }
  /** The group stands ready for a checkpoint: run a task for it (checkpoint-task.ts), answer with `take-…`. */
  | { readonly kind: 'take'; readonly request: TakeRequest }
  /** The newest checkpoint of the group, when one was made, received, or asked for and is there already. */
  | {
      readonly kind: 'checkpoint'
      readonly instance: Instance
      readonly bytes: number
      /** It covers all that was executed when this command `take`, and those before it, came; 0: none. */
      readonly asked: number
    }
  /** No checkpoint can be made for this command `take`, and those before it. */
  | { readonly kind: 'take-refused'; readonly asked: number; readonly message: string }
  /** All stores of the worker have done what this WorkerCommand asked, and those before it; or one has not: why. */
  | { readonly kind: 'sync-set'; readonly asked: number; readonly failure?: { code: string; message: string } }

export interface TakeRequest {
  /** What the checkpoint is to cover, exactly. */
  readonly instance: Instance
  /** A file with what the group's thread has given for it: position and in-memory machines; empty: none. */
  readonly inlinePath: string
  /** In-memory machines are restored from the last checkpoint, and the log is replayed. */
  readonly replay: boolean
  /** The last command `take` that came before it; 0: none. If it fails, all up to this one have failed. */
  readonly asked: number
}

/** What the host tells one group in a TUNE. */
export type GroupCommand =
  /**
   * Take a checkpoint of what is executed now, or later. Answered by the event `checkpoint` or `take-refused`, or by the
   * failure of its task. `asked` grows from command to command.
   */
  | { readonly kind: 'take'; readonly asked: number }
  /** The task reads its snapshot: the state may be committed again. */
  | { readonly kind: 'take-opened'; readonly instance: Instance }
  /** `snapshotMs`: what `snapshot` and its encoding took there. `code` and `error`: empty if it was made. */
  | {
      readonly kind: 'take-ended'
      readonly instance: Instance
      readonly snapshotMs: Millis
      /** Code and message of what went wrong. */
      readonly code: string
      readonly error: string
    }
  | { readonly kind: 'trimming'; readonly paused: boolean }
  | { readonly kind: 'hold'; readonly hold: Partial<HoldPolicy> }

/** What the host tells all of a worker in a TUNE to ALL_GROUPS. Answered by `sync-set`; `asked` grows. */
export interface WorkerCommand {
  readonly kind: 'sync'
  readonly mode: SyncMode
  readonly asked: number
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type EventFields = Readonly<Record<string, string | number | boolean>>
