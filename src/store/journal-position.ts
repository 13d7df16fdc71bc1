import { crc32 } from '../codec/crc32.js'
import { getSafe, getU32, NOT_SAFE, putSafe, putU32 } from '../codec/little-endian.js'

/**
 * What an environment says about its journal, kept in it twice as a head is. Little endian: u32 crc32 of the rest, u32 1 if
 * the journal is relaxed, u64 journal, u64 absorbed; tail, if it is: the boot, as text.
 */
export interface JournalPosition {
  /** The number in all its entries. */
  readonly journal: number
  /** The environment holds what every entry up to this one put. */
  readonly absorbed: number
  /**
   * Entries may have been acknowledged that were not flushed, in this boot of the machine (empty: the system did not tell):
   * any other one may have lost them. Undefined: every entry was flushed.
   */
  readonly relaxedIn?: string | undefined
}

const HEAD_BYTES = 24

export function encodePosition({ journal, absorbed, relaxedIn }: JournalPosition): Uint8Array {
  const boot = Buffer.from(relaxedIn ?? '', 'latin1')
  const bytes = new Uint8Array(HEAD_BYTES + boot.length)
  putU32(bytes, 4, relaxedIn === undefined ? 0 : 1)
  putSafe(bytes, 8, journal)
  putSafe(bytes, 16, absorbed)
  bytes.set(boot, HEAD_BYTES)
  putU32(bytes, 0, crc32(bytes.subarray(4)))
  return bytes
}

/** Undefined if the bytes are damaged. */
export function decodePosition(bytes: Uint8Array, length: number): JournalPosition | undefined {
  if (length < HEAD_BYTES || length > bytes.length) return undefined
  if (crc32(bytes.subarray(4, length)) !== getU32(bytes, 0)) return undefined
  const [journal, absorbed] = [getSafe(bytes, 8), getSafe(bytes, 16)]
  if (journal === NOT_SAFE || absorbed === NOT_SAFE) return undefined
  const relaxed = getU32(bytes, 4)
  if (relaxed === 0) return length === HEAD_BYTES ? { journal, absorbed } : undefined
  return relaxed === 1 ? { journal, absorbed, relaxedIn: bootIn(bytes, length) } : undefined
}

function bootIn(bytes: Uint8Array, length: number): string {
  return Buffer.prototype.latin1Slice.call(bytes, HEAD_BYTES, length)
}
