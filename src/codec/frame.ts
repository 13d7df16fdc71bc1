import type { GroupIndex } from '../base/numbers.js'
import { fail } from './codec-error.js'
import { crc32 } from './crc32.js'
import { FRAME_ENTRY_BYTES, FRAME_HEADER_BYTES, FRAME_TYPE, PROTOCOL_VERSIONS } from './frame-layout.js'
import { checkWithin, MAX_U16 } from './integers.js'
import type { Limits } from './limits.js'
import { getU16, getU32, putU16, putU32 } from './little-endian.js'
import { allocateBytes, copyBytes } from './own-bytes.js'

export { PROTOCOL_VERSIONS } from './frame-layout.js'

const FIRST_BYTES = 16 * 1024
// Up to it a frame is copied out of the builder: a buffer given away with each would keep the garbage collector busy.
const COPIED_BYTES = 4096

/** Gathers what one turn has for one peer, of all groups, into one frame. */
export class FrameBuilder {
  readonly #version: number
  readonly #limit: number
  #bytes: Uint8Array
  #length = FRAME_HEADER_BYTES
  // What the last frames needed, so that a buffer given away is followed by one that need not grow.
  #usual = FIRST_BYTES

  constructor(limits: Pick<Limits, 'maxFrameBytes'>, version: number = PROTOCOL_VERSIONS.max) {
    this.#version = version
    this.#limit = limits.maxFrameBytes
    this.#bytes = allocateBytes(FIRST_BYTES)
  }

  get byteLength(): number {
    return this.#length
  }

  get isEmpty(): boolean {
    return this.#length === FRAME_HEADER_BYTES
  }

  /** Copies the message. False: it does not fit under the limit any more; send this frame and begin the next. */
  append(group: GroupIndex, source: Uint8Array, offset: number, length: number): boolean {
    const at = this.#length
    const end = at + FRAME_ENTRY_BYTES + length
    if (end > this.#limit) return false
    if (end > this.#bytes.length) this.#grow(end)
    writeEntry(this.#bytes, at, group, source, offset, length)
    this.#length = end
    return true
  }

  /** The frame as a view of the builder's buffer: good until `reset` or the next `append`. */
  finish(): Uint8Array {
    const frame = this.#bytes.subarray(0, this.#length)
    sealFrame(frame, this.#version, FRAME_TYPE.protocol)
    return frame
  }

  /** The frame for a transport that goes on reading it after `send` has returned. The builder is empty again. */
  take(): Uint8Array {
    const frame = this.finish()
    if (this.#length <= COPIED_BYTES) {
      this.reset()
      return Buffer.from(frame)
    }
    this.#usual = Math.min(Math.max(this.#length, (this.#usual * 7) >> 3, FIRST_BYTES), 1024 * 1024)
    this.#bytes = allocateBytes(Math.min(this.#usual * 2, this.#limit))
    this.reset()
    return frame
  }

  reset(): void {
    this.#length = FRAME_HEADER_BYTES
  }

  #grow(needed: number): void {
    const grown = allocateBytes(Math.max(needed, Math.min(this.#bytes.length * 2, this.#limit)))
    copyBytes(this.#bytes, 0, this.#length, grown, 0)
    this.#bytes = grown
  }
}

/** A frame of one message, of exactly its size; undefined if it would be above the limit. */
export function frameOf(
  group: GroupIndex,
  source: Uint8Array,
  offset: number,
  length: number,
  { maxFrameBytes }: Pick<Limits, 'maxFrameBytes'>,
): Uint8Array | undefined {
  const frameBytes = FRAME_HEADER_BYTES + FRAME_ENTRY_BYTES + length
  if (frameBytes > maxFrameBytes) return undefined
  const frame = allocateBytes(frameBytes)
  writeEntry(frame, FRAME_HEADER_BYTES, group, source, offset, length)
  sealFrame(frame, PROTOCOL_VERSIONS.max, FRAME_TYPE.protocol)
  return frame
}

function writeEntry(
  frame: Uint8Array,
  at: number,
  group: GroupIndex,
  source: Uint8Array,
  offset: number,
  length: number,
): void {
  checkWithin(group, MAX_U16, 'a group')
  putU32(frame, at, length)
  putU16(frame, at + 4, group)
  putU16(frame, at + 6, 0)
  copyBytes(source, offset, length, frame, at + FRAME_ENTRY_BYTES)
}

export type FrameVisitor = (group: GroupIndex, offset: number, length: number) => void

/**
 * Checks a protocol frame as a whole, then shows each message in it, undecoded: the host copies it into the ring of
 * the group's worker. Nothing is shown of a frame that is not sound to its end.
 */
export function readFrame(bytes: Uint8Array, visit: FrameVisitor, limits: Pick<Limits, FrameBounds>): void {
  if (checkFrame(bytes, limits) !== 'protocol') fail('UNKNOWN_KIND', 'not a protocol frame')
  const end = bytes.length
  for (let at = FRAME_HEADER_BYTES; at < end; ) at = entryEnd(bytes, at, end, limits.maxMessageBytes)
  for (let at = FRAME_HEADER_BYTES; at < end; ) {
    const length = getU32(bytes, at)
    visit(getU16(bytes, at + 4), at + FRAME_ENTRY_BYTES, length)
    at += FRAME_ENTRY_BYTES + length
  }
}

export type FrameBounds = 'maxFrameBytes' | 'maxMessageBytes'
export type FrameType = keyof typeof FRAME_TYPE

/** Looks at the version and the type only, to choose the reader; the reader checks the rest. */
export function frameType(bytes: Uint8Array): FrameType {
  if (bytes.length < FRAME_HEADER_BYTES) fail('TRUNCATED', `a frame of ${bytes.length} bytes`)
  const version = bytes[0]!
  if (version < PROTOCOL_VERSIONS.min || version > PROTOCOL_VERSIONS.max) {
    fail('UNKNOWN_VERSION', `a frame of protocol version ${version}`)
  }
  if (bytes[1] === FRAME_TYPE.protocol) return 'protocol'
  if (bytes[1] === FRAME_TYPE.control) return 'control'
  return fail('UNKNOWN_KIND', `a frame of type ${bytes[1]}`)
}

/** Checks version, type, size and checksum. */
export function checkFrame(bytes: Uint8Array, limits: Pick<Limits, 'maxFrameBytes'>): FrameType {
  const type = frameType(bytes)
  if (bytes.length > limits.maxFrameBytes) fail('TOO_LARGE', `a frame of ${bytes.length} bytes`)
  if (getU16(bytes, 2) !== 0) fail('MALFORMED', 'unknown bits in a frame')
  if (frameCrc(bytes) !== getU32(bytes, 4)) fail('BAD_CHECKSUM', 'the checksum of a frame does not match')
  return type
}

/** Writes the header of a frame whose content is in place. */
export function sealFrame(frame: Uint8Array, version: number, type: number): void {
  frame[0] = version
  frame[1] = type
  putU16(frame, 2, 0)
  putU32(frame, 4, frameCrc(frame))
}

function frameCrc(frame: Uint8Array): number {
  return crc32(frame.subarray(FRAME_HEADER_BYTES), getU32(frame, 0))
}

function entryEnd(bytes: Uint8Array, at: number, end: number, maxMessageBytes: number): number {
  if (end - at < FRAME_ENTRY_BYTES) fail('TRUNCATED', 'the header of a message is cut')
  const length = getU32(bytes, at)
  if (getU16(bytes, at + 6) !== 0) fail('MALFORMED', 'unknown bits before a message')
  if (length > maxMessageBytes) fail('TOO_LARGE', `a message of ${length} bytes`)
  if (length > end - at - FRAME_ENTRY_BYTES) fail('TRUNCATED', `a message of ${length} bytes is cut`)
  return at + FRAME_ENTRY_BYTES + length
}
