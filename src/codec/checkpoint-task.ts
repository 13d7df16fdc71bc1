import type { GroupIndex, Instance, MembershipVersion, Millis } from '../base/numbers.js'
import type { Voter } from '../core/membership.js'
import type { TakeRequest } from './worker-records.js'

/** What the host hands to a checkpoint thread: plain data, cloned into it. */
export interface CheckpointTask {
  readonly request: TakeRequest
  readonly group: GroupIndex
  readonly clusterId: string
  readonly membership: { readonly version: MembershipVersion; readonly voters: readonly Voter[] }
  /** The checkpoints of the group. */
  readonly directory: string
  readonly logPath: string
  readonly statePath: string
  readonly stateMachines: readonly string[]
  readonly maxResultBytes: number
  /** A session ends after this many instances without a command of it. */
  readonly sessionInstances: number
  /** Wall clock, in milliseconds; information only. */
  readonly createdAt: number
  /** The gate around its native transactions: see src/ring/gate-word.ts. */
  readonly gate: SharedArrayBuffer
  /** Told once, with nothing, when the snapshot that it reads is fixed. */
  readonly opened: { postMessage(message: unknown): void; close(): void }
}

export interface CheckpointTaken {
  readonly instance: Instance
  readonly id: number
  readonly manifestBytes: number
  readonly dataBytes: number
  /** What `snapshot` of the in-memory machines and its encoding took; 0 if there are none. */
  readonly snapshotMs: Millis
}
