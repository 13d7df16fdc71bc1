import { fail } from './codec-error.js'
import { getSafe, NOT_SAFE, putSafe } from './little-endian.js'

/**
 * Checked numbers of messages and records. A `whole` is 0..2^53-1 in 8 bytes: instances, ballots, sequences. Nothing
 * else can be written, so NaN, fractions and negative numbers cannot be read either. The readers do not look at the
 * end of the array; whoever calls them has.
 */
export const WHOLE_BYTES = 8
export const MAX_U16 = 0xffff
export const MAX_U32 = 0xffffffff

export function readWhole(bytes: Uint8Array, at: number): number {
  const value = getSafe(bytes, at)
  return value === NOT_SAFE ? fail('MALFORMED', `a number above 2^53-1 at byte ${at}`) : value
}

export function writeWhole(bytes: Uint8Array, at: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) fail('NOT_ENCODABLE', `${value} is not a whole number below 2^53`)
  putSafe(bytes, at, value)
}

/** Checked before a u16 or u32 field is written: a cut number would be another number at its reader. */
export function checkWithin(value: number, max: number, what: string): void {
  if (!(Number.isInteger(value) && value >= 0 && value <= max)) {
    fail('NOT_ENCODABLE', `${what} must be a whole number of 0..${max}, got ${value}`)
  }
}
