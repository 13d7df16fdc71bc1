import { fail } from './codec-error.js'
import { getU16, getU32, putU16, putU32 } from './little-endian.js'
import { copyBytes } from './own-bytes.js'

/**
 * The body of a run: its commands back to back.
 *
 *   byte 0   u32 payload length
 *   byte 4   u16 state machine
 *   byte 6   u8  payload encoding (payload.ts)
 *   byte 7   u8  0
 *   byte 8   payload
 */
export const COMMAND_HEADER_BYTES = 8

/** The only encodings there are: 0 raw bytes, 1 cbor. */
const MAX_PAYLOAD_FLAGS = 1

const EMPTY = new Uint8Array(0)

/** Writes one command into a body at `at`; returns where the next one goes. `machineId` is a u16. */
export function writeCommandAt(
  body: Uint8Array,
  at: number,
  machineId: number,
  flags: number,
  source: Uint8Array,
  offset: number,
  length: number,
): number {
  putU32(body, at, length)
  putU16(body, at + 4, machineId)
  body[at + 6] = flags
  body[at + 7] = 0
  copyBytes(source, offset, length, body, at + COMMAND_HEADER_BYTES)
  return at + COMMAND_HEADER_BYTES + length
}

/** Walks a body without an object per command: after `next` the fields describe the command at hand. */
export class CommandReader {
  machineId = 0
  flags = 0
  /** Of the payload, in `body`. */
  offset = 0
  length = 0
  /** Of the command in its run, from 0. */
  index = -1
  body: Uint8Array = EMPTY
  #next = 0

  constructor(body: Uint8Array = EMPTY) {
    this.reset(body)
  }

  reset(body: Uint8Array): void {
    this.body = body
    this.index = -1
    this.#next = 0
  }

  /** False at the end. Throws CodecError on a malformed body. */
  next(): boolean {
    const { body } = this
    const at = this.#next
    if (at === body.length) return false
    const length = commandLength(body, at, body.length)
    this.machineId = getU16(body, at + 4)
    this.flags = body[at + 6]!
    this.offset = at + COMMAND_HEADER_BYTES
    this.length = length
    this.index++
    this.#next = this.offset + length
    return true
  }
}

export type CommandVisitor = (machineId: number, flags: number, offset: number, length: number, index: number) => void

export function forEachCommand(body: Uint8Array, visit: CommandVisitor): void {
  const end = body.length
  let index = 0
  for (let at = 0; at < end; index++) {
    const length = commandLength(body, at, end)
    visit(getU16(body, at + 4), body[at + 6]!, at + COMMAND_HEADER_BYTES, length, index)
    at += COMMAND_HEADER_BYTES + length
  }
}

/** Checks the commands in `offset..end` and returns how many there are. */
export function checkBody(bytes: Uint8Array, offset: number, end: number): number {
  let count = 0
  for (let at = offset; at < end; count++) at += COMMAND_HEADER_BYTES + commandLength(bytes, at, end)
  return count
}

function commandLength(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < COMMAND_HEADER_BYTES) fail('TRUNCATED', 'a command header is cut')
  const length = getU32(bytes, at)
  if (length > end - at - COMMAND_HEADER_BYTES) fail('TRUNCATED', `a command of ${length} bytes is cut`)
  if (bytes[at + 6]! > MAX_PAYLOAD_FLAGS || bytes[at + 7] !== 0) fail('MALFORMED', 'unknown command flags')
  return length
}
