/**
 * Numbers of a fixed layout, least significant byte first. Plain byte stores: a `DataView` for each record would cost
 * more than the stores, and an index past the end reads as 0 here instead of throwing.
 */

const TWO_32 = 4294967296
/** The upper word of `Number.MAX_SAFE_INTEGER`. */
const MAX_HIGH = 0x1fffff

/** What `getSafe` answers for eight bytes that no safe integer encodes to. */
export const NOT_SAFE = -1

export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** A whole number in 0..2^53-1, in eight bytes. */
export function putSafe(bytes: Uint8Array, at: number, value: number): void {
  putU32(bytes, at, value >>> 0)
  putU32(bytes, at + 4, (value / TWO_32) >>> 0)
}

export function getU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
}

export function getU32(bytes: Uint8Array, at: number): number {
  return (getU16(bytes, at) | (getU16(bytes, at + 2) << 16)) >>> 0
}

/** `NOT_SAFE` for a number past 2^53-1. */
export function getSafe(bytes: Uint8Array, at: number): number {
  const high = getU32(bytes, at + 4)
  return high > MAX_HIGH ? NOT_SAFE : high * TWO_32 + getU32(bytes, at)
}
