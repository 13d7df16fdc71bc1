import { crc32 } from '../codec/crc32.js'
import { getSafe, getU32, NOT_SAFE, putSafe, putU32 } from '../codec/little-endian.js'

/**
 * What an environment says about its journal, kept in it twice as a head is. Little endian: u32 crc32 of the rest, u32 0,
 * u64 journal, u64 absorbed.
 */
export interface JournalPosition {
  /** The number in all its entries. */
  readonly journal: number
  /** The environment holds what every entry up to this one put. */
  readonly absorbed: number
}

const POSITION_BYTES = 24

export function encodePosition({ journal, absorbed }: JournalPosition): Uint8Array {
  const bytes = new Uint8Array(POSITION_BYTES)
  putSafe(bytes, 8, journal)
  putSafe(bytes, 16, absorbed)
  putU32(bytes, 0, crc32(bytes.subarray(4)))
  return bytes
}

/** Undefined if the bytes are damaged. */
export function decodePosition(bytes: Uint8Array, length: number): JournalPosition | undefined {
  if (length !== POSITION_BYTES || crc32(bytes.subarray(4, POSITION_BYTES)) !== getU32(bytes, 0)) return undefined
  const [journal, absorbed] = [getSafe(bytes, 8), getSafe(bytes, 16)]
  return journal === NOT_SAFE || absorbed === NOT_SAFE ? undefined : { journal, absorbed }
}
