import { crc32 } from '../codec/crc32.js'
import { getSafe, getU32, NOT_SAFE, putSafe, putU32 } from '../codec/little-endian.js'
import { copyBytes, copyOf } from '../codec/own-bytes.js'

/**
 * The bytes of a journal, a file of blocks that never changes its length. Little endian:
 *
 * ```
 * block 0, the mark
 *  0  u32  crc32 of everything behind it
 *  4  u32  magic
 *  8  u64  journal: a random number, the same in all its entries
 * 16  u64  acknowledged: the last entry that was written (and, unless it is relaxed, flushed) before this was
 *
 * an entry, at the beginning of a block
 *  0  u32  crc32 of the rest of this head
 *  4  u32  magic
 *  8  u64  journal
 * 16  u64  sequence, one more than that of the entry before
 * 24  u32  bytes of its puts
 * 28  u32  crc32 of its puts
 * 32       the puts: u32 bytes of the value, 8 bytes key, value
 * ```
 *
 * No block holds parts of two entries: nothing that was acknowledged is ever written again.
 */
export interface Put {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface EntryHead {
  readonly sequence: number
  readonly bytes: number
  readonly crc: number
}

export const JOURNAL_BLOCK_BYTES = 4096
export const MARK_BYTES = 24
const ENTRY_HEAD_BYTES = 32
const KEY_BYTES = 8
const PUT_HEAD_BYTES = 4 + KEY_BYTES
const MARK_MAGIC = 0x4b52414d
const ENTRY_MAGIC = 0x59525445

/** How many bytes an entry takes in the file, whole blocks of it. */
export function entryBytes(puts: number, valueBytes: number): number {
  const bytes = ENTRY_HEAD_BYTES + puts * PUT_HEAD_BYTES + valueBytes
  return Math.ceil(bytes / JOURNAL_BLOCK_BYTES) * JOURNAL_BLOCK_BYTES
}

/** Writes an entry to the beginning of `target`, what is left of its last block as it is. Returns its bytes, whole blocks. */
export function encodeEntry(target: Uint8Array, journal: number, sequence: number, puts: readonly Put[]): number {
  let at = ENTRY_HEAD_BYTES
  let valueBytes = 0
  for (const { key, value } of puts) {
    putU32(target, at, value.length)
    copyBytes(key, 0, KEY_BYTES, target, at + 4)
    copyBytes(value, 0, value.length, target, at + PUT_HEAD_BYTES)
    at += PUT_HEAD_BYTES + value.length
    valueBytes += value.length
  }
  putU32(target, 4, ENTRY_MAGIC)
  putSafe(target, 8, journal)
  putSafe(target, 16, sequence)
  putU32(target, 24, at - ENTRY_HEAD_BYTES)
  putU32(target, 28, crc32(target.subarray(ENTRY_HEAD_BYTES, at)))
  putU32(target, 0, crc32(target.subarray(4, ENTRY_HEAD_BYTES)))
  return entryBytes(puts.length, valueBytes)
}

/** The head of the entry that begins at `at`; undefined if none of this journal does. */
export function readEntryHead(bytes: Uint8Array, at: number, journal: number): EntryHead | undefined {
  if (getU32(bytes, at + 4) !== ENTRY_MAGIC) return undefined
  if (crc32(bytes.subarray(at + 4, at + ENTRY_HEAD_BYTES)) !== getU32(bytes, at)) return undefined
  const sequence = getSafe(bytes, at + 16)
  if (getSafe(bytes, at + 8) !== journal || sequence === NOT_SAFE) return undefined
  return { sequence, bytes: getU32(bytes, at + 24), crc: getU32(bytes, at + 28) }
}

/** Copies of what an entry put, and how many bytes it takes; undefined if they are not as they were written. */
export function readEntry(
  bytes: Uint8Array,
  at: number,
  head: EntryHead,
): { readonly puts: Put[]; readonly bytes: number } | undefined {
  const end = at + ENTRY_HEAD_BYTES + head.bytes
  if (end > bytes.length || crc32(bytes.subarray(at + ENTRY_HEAD_BYTES, end)) !== head.crc) return undefined
  const puts: Put[] = []
  let valueBytes = 0
  for (let from = at + ENTRY_HEAD_BYTES; from < end; ) {
    const length = getU32(bytes, from)
    if (from + PUT_HEAD_BYTES + length > end) return undefined
    puts.push({ key: copyOf(bytes, from + 4, KEY_BYTES), value: copyOf(bytes, from + PUT_HEAD_BYTES, length) })
    from += PUT_HEAD_BYTES + length
    valueBytes += length
  }
  return { puts, bytes: entryBytes(puts.length, valueBytes) }
}

export function encodeMark(target: Uint8Array, journal: number, acknowledged: number): void {
  putU32(target, 4, MARK_MAGIC)
  putSafe(target, 8, journal)
  putSafe(target, 16, acknowledged)
  putU32(target, 0, crc32(target.subarray(4, MARK_BYTES)))
}

/** The last entry that the mark says was acknowledged; undefined if it is not that of this journal. */
export function readMark(bytes: Uint8Array, journal: number): number | undefined {
  if (crc32(bytes.subarray(4, MARK_BYTES)) !== getU32(bytes, 0) || getU32(bytes, 4) !== MARK_MAGIC) return undefined
  const acknowledged = getSafe(bytes, 16)
  return getSafe(bytes, 8) === journal && acknowledged !== NOT_SAFE ? acknowledged : undefined
}
