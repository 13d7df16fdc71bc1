import type { GroupIndex, Instance } from '../base/numbers.js'
import { fail } from './codec-error.js'
import { getU32, putU32 } from './little-endian.js'
import { allocateBytes, copyBytes } from './own-bytes.js'
import { checkRecord } from './record-kinds.js'

/**
 * REPLY: the results of consecutive commands of one run, or of a part of it.
 *
 *   byte 0    u16 group, u16 0
 *   byte 4    u32 count
 *   byte 8    f64 sequence of the first command
 *   byte 16   f64 instance
 *   byte 24   u32 index of the first command in its instance
 *   byte 28   u32 0
 *   byte 32   per command: u32 length, u8 status, u8 flags, u16 0, the result
 *
 * `status` is an OutcomeStatus of the state machines; it decides how the result is read.
 */
const REPLY_HEAD_BYTES = 32
export const REPLY_ENTRY_BYTES = 8

const FIRST_BYTES = 64 * 1024
const KEPT_BYTES = 4 * 1024 * 1024
const EMPTY = new Uint8Array(0)

/** Gathers one REPLY in a buffer of its own: its length is known only when its commands are executed. */
export class ReplyBuilder {
  #bytes = allocateBytes(FIRST_BYTES)
  #view = viewOf(this.#bytes)
  #length = REPLY_HEAD_BYTES
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Of the record so far. */
  get byteLength(): number {
    return this.#length
  }

  /** Begins a record; what was in the builder is dropped. */
  begin(group: GroupIndex, sequence: number, instance: Instance, index: number): void {
    if (this.#bytes.length > KEPT_BYTES) this.#hold(allocateBytes(FIRST_BYTES))
    this.#length = REPLY_HEAD_BYTES
    this.#count = 0
    const view = this.#view
    view.setUint32(0, group & 0xffff, true)
    view.setFloat64(8, sequence, true)
    view.setFloat64(16, instance, true)
    view.setUint32(24, index, true)
    view.setUint32(28, 0, true)
  }

  add(status: number, flags: number, source: Uint8Array, offset = 0, length = source.length): void {
    const at = this.#length
    const end = at + REPLY_ENTRY_BYTES + length
    if (end > this.#bytes.length) this.#grow(end)
    const bytes = this.#bytes
    putU32(bytes, at, length)
    bytes[at + 4] = status
    bytes[at + 5] = flags
    bytes[at + 6] = 0
    bytes[at + 7] = 0
    copyBytes(source, offset, length, bytes, at + REPLY_ENTRY_BYTES)
    this.#length = end
    this.#count++
  }

  /** The record as a view, good until the next `begin` or `add`. */
  finish(): Uint8Array {
    this.#view.setUint32(4, this.#count, true)
    return this.#bytes.subarray(0, this.#length)
  }

  /** Copies the record into a slot of `byteLength` bytes. */
  writeTo(target: Uint8Array, offset: number): void {
    this.#view.setUint32(4, this.#count, true)
    copyBytes(this.#bytes, 0, this.#length, target, offset)
  }

  #grow(needed: number): void {
    const grown = allocateBytes(Math.max(needed, this.#bytes.length * 2))
    copyBytes(this.#bytes, 0, this.#length, grown, 0)
    this.#hold(grown)
  }

  #hold(bytes: Uint8Array): void {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
  }
}

/** Walks a REPLY in place: after `read` the fields of the record, after each `next` those of one command. */
export class ReplyReader {
  group: GroupIndex = 0
  count = 0
  instance: Instance = 0
  /** Of the command at hand: its sequence, and its index in the instance. */
  sequence = 0
  index = 0
  status = 0
  flags = 0
  /** Of its result, in `bytes`. */
  offset = 0
  length = 0
  bytes: Uint8Array = EMPTY
  #left = 0
  #next = 0
  #end = 0

  read(view: DataView, bytes: Uint8Array, offset: number, length: number): void {
    checkRecord(view, offset, length, REPLY_HEAD_BYTES)
    this.bytes = bytes
    this.group = view.getUint16(offset, true)
    this.count = view.getUint32(offset + 4, true)
    this.sequence = view.getFloat64(offset + 8, true) - 1
    this.instance = view.getFloat64(offset + 16, true)
    this.index = view.getUint32(offset + 24, true) - 1
    this.#left = this.count
    this.#next = offset + REPLY_HEAD_BYTES
    this.#end = offset + length
  }

  /** False behind the last command. Throws CodecError if the record does not hold what it announces. */
  next(): boolean {
    const room = this.#end - this.#next - REPLY_ENTRY_BYTES
    if (this.#left === 0) {
      if (room !== -REPLY_ENTRY_BYTES) fail('MALFORMED', 'bytes behind the last result')
      return false
    }
    if (room < 0) fail('TRUNCATED', 'a result is cut')
    const { bytes } = this
    const at = this.#next
    const length = getU32(bytes, at)
    if (length > room) fail('TRUNCATED', `a result of ${length} bytes is cut`)
    this.status = bytes[at + 4]!
    this.flags = bytes[at + 5]!
    this.offset = at + REPLY_ENTRY_BYTES
    this.length = length
    this.sequence++
    this.index++
    this.#left--
    this.#next = this.offset + length
    return true
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
