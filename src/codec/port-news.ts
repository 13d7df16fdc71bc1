import type { GroupIndex, Millis } from '../base/numbers.js'

/**
 * What the host tells a port of the application, as messages of the `MessagePort` that is its handle; `memory` is what
 * `allocatePortMemory` of src/ring returned. Nothing goes the other way: a port says that it ends by closing.
 */
export type PortNews<Memory = unknown> =
  /** The first one. */
  | { readonly kind: 'begin'; readonly settings: PortSettings }
  /** A worker's life has begun (its rings), or has ended (none). */
  | { readonly kind: 'life'; readonly worker: number; readonly memory: Memory | undefined }
  /** Why a group takes nothing, or that it does again. `forGood`: what waits for it is to end. */
  | {
      readonly kind: 'failure'
      readonly group: GroupIndex
      readonly failure: { readonly code: string; readonly message: string } | undefined
      readonly forGood: boolean
    }
  /** Whether the node has links to a majority of the voters. */
  | { readonly kind: 'majority'; readonly reached: boolean }
  /** Nothing new is taken. */
  | { readonly kind: 'stopping' }
  /** The last one. */
  | { readonly kind: 'stopped' }

export interface PortSettings {
  readonly port: number
  readonly portBell: SharedArrayBuffer
  /** Cells of PORT_COUNTERS, which the port writes. */
  readonly counters: SharedArrayBuffer
  /** The groups of each worker. */
  readonly workers: readonly (readonly GroupIndex[])[]
  readonly groupCount: number
  readonly routingGroups: number
  /** Ids of the state machines; the first is the default. */
  readonly machines: readonly number[]
  readonly maxCommandBytes: number
  readonly maxMessageBytes: number
  readonly proposeMs: Millis
  readonly readMs: Millis
  readonly admission: { readonly maxWaiting: number; readonly maxWaitingBytes: number; readonly maxWaitMs: number }
  /** The host's clock minus the clock of the system: that one all threads have in common. */
  readonly clockBehindMs: Millis
}

/** What a port tells of itself; its calls that have not ended, for all groups. */
export const PORT_COUNTERS = ['waiting', 'waitingBytes', 'refused'] as const

/** What the host tells a worker about ports, behind a record PORTS. */
export type PortChange<Memory = unknown> =
  | { readonly kind: 'open'; readonly port: number; readonly memory: Memory }
  | { readonly kind: 'close'; readonly port: number }
