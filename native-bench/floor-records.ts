import type { WorkerMemory } from '../src/ring/worker-memory.js'

/**
 * What travels in the floor's rings and frames: the least that moves a batch to three disks and its answers back.
 *
 *   command   host → worker   u32 group, u32 0, f64 sequence, bytes of the command
 *   message   host → worker   u32 group, u32 sender's slot, message
 *   send      worker → host   u32 group, u32 mask of slots, message
 *   done      worker → host   u32 group, u32 count, f64 sequence of the first
 *
 * A message: u32 kind, u32 0, f64 batch, f64 chosen up to, value (accept only).
 */
export const FLOOR_RECORD = { command: 1, message: 2, stop: 3, send: 4, done: 5 } as const

export const COMMAND_HEAD_BYTES = 16
export const MESSAGE_HEAD_BYTES = 8
export const DONE_BYTES = 16

export const FLOOR_MESSAGE = { accept: 1, accepted: 2 } as const
export const FLOOR_MESSAGE_HEAD_BYTES = 24

/** As the runtime has them (src/core/config.ts): the floor batches up to the same bounds. */
export const BATCH_BYTES = 1024 * 1024
export const BATCH_COUNT = 16_384

/** Sizes of the rings as the runtime has them by default. */
export const CONTROL_RING_BYTES = 8 * 1024 * 1024
export const COMMAND_RING_BYTES = 2 * 1024 * 1024
export const OUTBOX_RING_BYTES = 8 * 1024 * 1024

export interface FloorWorkerTask {
  readonly memory: WorkerMemory
  readonly path: string
  readonly groups: readonly number[]
  /** This process's place among the nodes, from 0; the first one leads every group. */
  readonly slot: number
  readonly nodes: number
  readonly flushDelayMs: number
}
