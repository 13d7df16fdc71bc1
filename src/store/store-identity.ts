import type { GroupIndex } from '../base/numbers.js'
import { crc32 } from '../codec/crc32.js'
import { getVoterId, putVoterId } from '../codec/head.js'
import { getU16, getU32, putU16, putU32 } from '../codec/little-endian.js'
import type { VoterId } from '../core/membership.js'

/**
 * What an environment says about itself, kept in it twice. Little endian:
 *
 * ```
 *  0  u32  crc32 of everything behind it   crc, magic and format stay where they are in every format to come,
 *  4  u32  magic                           so that an older program can tell a newer store from a damaged one
 *  8  u16  format
 * 10  u16  0
 * 12  u64  voter id
 * 20  u32  number of groups created here
 * 24  u16  each of them, ascending
 * ```
 */
export interface StoreIdentity {
  readonly format: number
  readonly voterId: VoterId
  readonly groups: readonly GroupIndex[]
}

/** 2: a log environment has a journal. One without becomes one with, by being opened. */
export const STORE_FORMAT = 2
const OLDEST_STORE_FORMAT = 1

const MAGIC = 0x4c585053
const HEADER_BYTES = 24

export function encodeIdentity({ format, voterId, groups }: StoreIdentity): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + groups.length * 2)
  putU32(bytes, 4, MAGIC)
  putU16(bytes, 8, format)
  putVoterId(bytes, 12, voterId)
  putU32(bytes, 20, groups.length)
  groups.forEach((group, i) => {
    putU16(bytes, HEADER_BYTES + i * 2, group)
  })
  putU32(bytes, 0, crc32(bytes.subarray(4)))
  return bytes
}

/** Undefined if the bytes are damaged. Of another format only `format` is known. */
export function decodeIdentity(bytes: Uint8Array, length: number): StoreIdentity | { format: number } | undefined {
  if (length < 12 || crc32(bytes.subarray(4, length)) !== getU32(bytes, 0) || getU32(bytes, 4) !== MAGIC)
    return undefined
  const format = getU16(bytes, 8)
  if (format < OLDEST_STORE_FORMAT || format > STORE_FORMAT) return { format }
  if (length < HEADER_BYTES || length !== HEADER_BYTES + getU32(bytes, 20) * 2) return undefined
  const groups: GroupIndex[] = []
  for (let at = HEADER_BYTES; at < length; at += 2) groups.push(getU16(bytes, at))
  return { format, voterId: getVoterId(bytes, 12), groups }
}
