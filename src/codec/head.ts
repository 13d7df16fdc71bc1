import type { GroupIndex } from '../base/numbers.js'
import type { Head } from '../core/durable.js'
import type { VoterId } from '../core/membership.js'
import { crc32 } from './crc32.js'
import { getSafe, getU16, getU32, NOT_SAFE, putSafe, putU16, putU32 } from './little-endian.js'

/**
 * The head of a group as bytes. Little endian:
 *
 * ```
 *  0  u32  crc32 of everything behind it
 *  4  u8   format, 1
 *  5  u8   0
 *  6  u16  group
 *  8  u64  voter id
 * 16  u64  promised
 * 24  u64  chosenUpTo
 * 32  u64  lastAccepted
 * 40  u64  firstKept
 * 48  u32  chain at chosenUpTo
 * 52  u32  digest of the accepted tail
 * ```
 */
export const HEAD_BYTES = 56

const FORMAT = 1

/** A head with what the store adds to it. */
export interface StoredHead {
  readonly voterId: VoterId
  readonly head: Head
  /** The sum of the crcs of the records `chosenUpTo + 1..lastAccepted`, modulo 2^32. */
  readonly digest: number
}

export type HeadFlaw = 'size' | 'checksum' | 'format' | 'misplaced' | 'fields'

/** A voter id is 16 hex digits; as bytes it is two words, the first digits first. */
export function putVoterId(bytes: Uint8Array, at: number, voterId: VoterId): void {
  putU32(bytes, at, Number.parseInt(voterId.slice(0, 8), 16))
  putU32(bytes, at + 4, Number.parseInt(voterId.slice(8), 16))
}

export function getVoterId(bytes: Uint8Array, at: number): VoterId {
  return hexWord(getU32(bytes, at)) + hexWord(getU32(bytes, at + 4))
}

function hexWord(word: number): string {
  return word.toString(16).padStart(8, '0')
}

export function encodeHead(target: Uint8Array, group: GroupIndex, { voterId, head, digest }: StoredHead): void {
  target[4] = FORMAT
  target[5] = 0
  putU16(target, 6, group)
  putVoterId(target, 8, voterId)
  putSafe(target, 16, head.promised)
  putSafe(target, 24, head.chosenUpTo)
  putSafe(target, 32, head.lastAccepted)
  putSafe(target, 40, head.firstKept)
  putU32(target, 48, head.chain)
  putU32(target, 52, digest)
  putU32(target, 0, crc32(target.subarray(4, HEAD_BYTES)))
}

/** Total: whatever the bytes are, the answer is a head of this group, or why they are not one. */
export function decodeHead(bytes: Uint8Array, group: GroupIndex, length: number = bytes.length): StoredHead | HeadFlaw {
  if (length !== HEAD_BYTES || length > bytes.length) return 'size'
  if (crc32(bytes.subarray(4, HEAD_BYTES)) !== getU32(bytes, 0)) return 'checksum'
  if (bytes[4] !== FORMAT) return 'format'
  if (getU16(bytes, 6) !== group) return 'misplaced'
  const promised = getSafe(bytes, 16)
  const chosenUpTo = getSafe(bytes, 24)
  const lastAccepted = getSafe(bytes, 32)
  const firstKept = getSafe(bytes, 40)
  if (promised === NOT_SAFE || chosenUpTo === NOT_SAFE || lastAccepted === NOT_SAFE) return 'fields'
  if (firstKept === NOT_SAFE || firstKept === 0 || lastAccepted < chosenUpTo) return 'fields'
  const head: Head = { promised, chosenUpTo, chain: getU32(bytes, 48), lastAccepted, firstKept }
  return { voterId: getVoterId(bytes, 8), head, digest: getU32(bytes, 52) }
}
