import { decodeCbor, encodeCbor } from './cbor.js'

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

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type EventFields = Readonly<Record<string, string | number | boolean>>
