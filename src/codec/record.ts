import { assert } from '../base/assert.js'
import type { GroupIndex, Instance } from '../base/numbers.js'
import type { LogRecord } from '../core/durable.js'
import { crc32 } from './crc32.js'
import { getSafe, getU16, getU32, NOT_SAFE, putSafe, putU16, putU32 } from './little-endian.js'

/**
 * One record of a log as bytes, the same on disk and on a stream of records. Little endian:
 *
 * ```
 *  0  u32  crc32 of everything behind it
 *  4  u8   format, 1
 *  5  u8   kind: 1 accepted, 2 chosen (ballot 0)
 *  6  u16  group
 *  8  u64  instance            the group and the instance stand in the record itself, so that a record that
 * 16  u64  ballot              turns up under another key is noticed like a flipped bit
 * 24  u64  recoveredTo
 * 32  u64  membership version
 * 40  u32  bytes of the value
 * 44       the value
 * ```
 */
export const RECORD_HEADER_BYTES = 44
/** A bound on what a length field may make a reader allocate, far above any batch. */
const MAX_VALUE_BYTES = 1 << 30

const FORMAT = 1
const ACCEPTED = 1
const CHOSEN = 2

/** Why bytes are not the record that was asked for. */
export type RecordFlaw = 'truncated' | 'oversized' | 'checksum' | 'format' | 'misplaced' | 'fields'

export function recordBytes(record: LogRecord): number {
  return RECORD_HEADER_BYTES + record.value.length
}

/** Writes `record` at the start of `target`, which has room for `recordBytes(record)`; returns the record's crc. */
export function encodeRecord(target: Uint8Array, group: GroupIndex, record: LogRecord): number {
  const { value } = record
  const end = RECORD_HEADER_BYTES + value.length
  assert(value.length <= MAX_VALUE_BYTES, `a value of ${value.length} bytes is above the bound of ${MAX_VALUE_BYTES}`)
  assert(end <= target.length, `a record of ${end} bytes does not fit into ${target.length}`)
  target[4] = FORMAT
  target[5] = record.ballot === 0 ? CHOSEN : ACCEPTED
  putU16(target, 6, group)
  putSafe(target, 8, record.instance)
  putSafe(target, 16, record.ballot)
  putSafe(target, 24, record.recoveredTo)
  putSafe(target, 32, record.version)
  putU32(target, 40, value.length)
  target.set(value, RECORD_HEADER_BYTES)
  const crc = crc32(target.subarray(4, end))
  putU32(target, 0, crc)
  return crc
}

/** The crc that an encoded record carries. */
export function recordCrc(bytes: Uint8Array): number {
  return getU32(bytes, 0)
}

/**
 * The record in the first `length` bytes, which must be the whole of it; its value is a copy. Total: whatever the bytes
 * are, the answer is the record of this group and instance, or why they are not that.
 */
export function decodeRecord(
  bytes: Uint8Array,
  group: GroupIndex,
  instance: Instance,
  length: number = bytes.length,
): LogRecord | RecordFlaw {
  if (length < RECORD_HEADER_BYTES || length > bytes.length) return 'truncated'
  const valueBytes = getU32(bytes, 40)
  if (valueBytes > MAX_VALUE_BYTES) return 'oversized'
  if (RECORD_HEADER_BYTES + valueBytes > length) return 'truncated'
  if (RECORD_HEADER_BYTES + valueBytes < length) return 'oversized'
  if (crc32(bytes.subarray(4, length)) !== getU32(bytes, 0)) return 'checksum'
  if (bytes[4] !== FORMAT) return 'format'
  if (getU16(bytes, 6) !== group || getSafe(bytes, 8) !== instance) return 'misplaced'
  const ballot = getSafe(bytes, 16)
  const recoveredTo = getSafe(bytes, 24)
  const version = getSafe(bytes, 32)
  if (ballot === NOT_SAFE || recoveredTo === NOT_SAFE || version === NOT_SAFE) return 'fields'
  if (bytes[5] !== (ballot === 0 ? CHOSEN : ACCEPTED)) return 'fields'
  // Not slice(): on a Buffer that gives a view of memory that the next read overwrites.
  const value = new Uint8Array(valueBytes)
  value.set(bytes.subarray(RECORD_HEADER_BYTES, length))
  return { instance, ballot, recoveredTo, version, value }
}
