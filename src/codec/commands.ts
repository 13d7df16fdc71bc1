import type { CommandRun, Value, ValueCodec } from '../core/command-run.js'
import { fail } from './codec-error.js'
import { checkBody } from './command-body.js'
import { crc32 } from './crc32.js'
import { readHex64, writeHex64 } from './hex64.js'
import { checkWithin, MAX_U16, MAX_U32, readWhole, writeWhole } from './integers.js'
import { getU16, getU32, putU16, putU32 } from './little-endian.js'
import { allocateBytes, copyBytes } from './own-bytes.js'

/**
 * A value: the encoded runs back to back, each
 *
 *   byte 0    u32   bytes of the run, header included
 *   byte 4    u32   count of commands
 *   byte 8    u16   origin
 *   byte 10   6 B   0
 *   byte 16   8 B   incarnation
 *   byte 24   whole session
 *   byte 32   whole sequence of the first command
 *   byte 40   whole floor
 *   byte 48   body (command-body.ts)
 *
 * The bytes are chained by checksum and compared between nodes, so there is one encoding of each value and no other:
 * what is unused is zero, and checked.
 */
export const RUN_HEADER_BYTES = 48

export const valueCodec: ValueCodec = {
  encode: encodeRuns,
  decode: (value) => readRuns(value, 0, value.length),
  size: runSize,
  checksum: (value, seed) => crc32(value, seed),
}

function runSize(run: CommandRun): number {
  return RUN_HEADER_BYTES + run.body.length
}

export function encodeRuns(runs: readonly CommandRun[]): Value {
  const value = roomAround(runs) ?? allocateBytes(runsSize(runs))
  writeRuns(runs, value, 0)
  return value
}

/**
 * A body with room for a header in front of it, in a buffer of its own and filled with zeros: nearly every instance holds
 * one run, and then its value need not be another copy. The first value made of a body takes the room (a written header is
 * never all zeros), and a later one, with another session or floor, is a copy.
 */
export function bodyWithRoom(length: number): Uint8Array {
  const bytes = allocateBytes(RUN_HEADER_BYTES + length)
  bytes.fill(0, 0, RUN_HEADER_BYTES)
  return bytes.subarray(RUN_HEADER_BYTES)
}

function roomAround(runs: readonly CommandRun[]): Uint8Array | undefined {
  const body = runs[0]?.body
  if (body === undefined || runs.length > 1) return undefined
  if (body.byteOffset !== RUN_HEADER_BYTES || body.buffer.byteLength !== RUN_HEADER_BYTES + body.length)
    return undefined
  const value = new Uint8Array(body.buffer)
  for (let i = 0; i < RUN_HEADER_BYTES; i++) if (value[i] !== 0) return undefined
  return value
}

export function runsSize(runs: readonly CommandRun[]): number {
  let size = 0
  for (const run of runs) size += runSize(run)
  return size
}

/** Returns the offset behind the last run. */
export function writeRuns(runs: readonly CommandRun[], bytes: Uint8Array, offset: number): number {
  let at = offset
  for (const run of runs) {
    writeRun(run, bytes, at)
    at += runSize(run)
  }
  return at
}

function writeRun(run: CommandRun, bytes: Uint8Array, at: number): void {
  checkWithin(runSize(run), MAX_U32, 'the bytes of a run')
  checkWithin(run.count, MAX_U32, 'the count of a run')
  checkWithin(run.origin, MAX_U16, 'an origin')
  putU32(bytes, at, runSize(run))
  putU32(bytes, at + 4, run.count)
  putU16(bytes, at + 8, run.origin)
  putU16(bytes, at + 10, 0)
  putU32(bytes, at + 12, 0)
  writeHex64(bytes, at + 16, run.incarnation)
  writeWhole(bytes, at + 24, run.session)
  writeWhole(bytes, at + 32, run.sequence)
  writeWhole(bytes, at + 40, run.floor)
  const isInPlace = run.body.buffer === bytes.buffer && run.body.byteOffset === bytes.byteOffset + at + RUN_HEADER_BYTES
  if (!isInPlace) copyBytes(run.body, 0, run.body.length, bytes, at + RUN_HEADER_BYTES)
}

/** The runs in `offset..end`; their bodies are views. Checks the headers; the commands were checked by `checkValue`. */
export function readRuns(bytes: Uint8Array, offset: number, end: number): CommandRun[] {
  const runs: CommandRun[] = []
  for (let at = offset; at < end; ) {
    const next = runEnd(bytes, at, end)
    runs.push({
      origin: getU16(bytes, at + 8),
      incarnation: readHex64(bytes, at + 16),
      session: readWhole(bytes, at + 24),
      sequence: readWhole(bytes, at + 32),
      count: getU32(bytes, at + 4),
      floor: readWhole(bytes, at + 40),
      body: bytes.subarray(at + RUN_HEADER_BYTES, next),
    })
    at = next
  }
  return runs
}

/**
 * The whole structure of a value, down to the length of each command: called before a received value is accepted, so
 * that nothing that was ever chosen can fail to decode. Returns the count of its commands.
 */
export function checkValue(bytes: Uint8Array, offset = 0, end = bytes.length): number {
  if (offset >= end) fail('MALFORMED', 'a value without a run')
  let commands = 0
  let at = offset
  while (at < end) {
    const next = runEnd(bytes, at, end)
    const count = getU32(bytes, at + 4)
    checkRunHeader(bytes, at, count)
    if (checkBody(bytes, at + RUN_HEADER_BYTES, next) !== count)
      fail('MALFORMED', `a run does not hold ${count} commands`)
    commands += count
    at = next
  }
  return commands
}

/** Checks the run in `offset..end` of the same bytes likewise; returns how many runs there are. */
export function countRuns(bytes: Uint8Array, offset: number, end: number): number {
  let count = 0
  for (let at = offset; at < end; count++) at = runEnd(bytes, at, end)
  return count
}

function checkRunHeader(bytes: Uint8Array, at: number, count: number): void {
  if (getU16(bytes, at + 8) === 0) fail('MALFORMED', 'a run without an origin')
  if (getU16(bytes, at + 10) !== 0 || getU32(bytes, at + 12) !== 0) fail('MALFORMED', 'unknown bits in a run')
  const session = readWhole(bytes, at + 24)
  if (session === 0 && count !== 0) fail('MALFORMED', 'commands without a session')
  const sequence = readWhole(bytes, at + 32)
  if (!Number.isSafeInteger(sequence + count)) fail('MALFORMED', 'a sequence above 2^53-1')
  readWhole(bytes, at + 40)
}

function runEnd(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < RUN_HEADER_BYTES) fail('TRUNCATED', 'a run header is cut')
  const length = getU32(bytes, at)
  if (length < RUN_HEADER_BYTES) fail('MALFORMED', `a run of ${length} bytes`)
  if (length > end - at) fail('TRUNCATED', `a run of ${length} bytes is cut`)
  return at + length
}
