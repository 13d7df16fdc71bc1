import type { SavedSession } from '../core/sessions.js'
import { fail } from './codec-error.js'
import { HEX64_BYTES, readHex64, writeHex64 } from './hex64.js'
import { checkWithin, MAX_U16, MAX_U32, readWhole, WHOLE_BYTES, writeWhole } from './integers.js'
import { getU16, getU32, putU16, putU32 } from './little-endian.js'
import { allocateBytes } from './own-bytes.js'

/**
 * The built-in state of a group as it is kept with its state and in checkpoints. The same sessions are the same bytes.
 *
 *   byte 0   u8   format, 1
 *   byte 1   3 B  0
 *   byte 4   u32  count of sessions, least recently used first; of each
 *                   u16 origin, u16 0, u32 count of done, 8 B incarnation, wholes opened, last, floor,
 *                   then the done sequences, ascending, a whole each
 */
const FORMAT = 1
const HEADER_BYTES = 8
const SESSION_BYTES = 8 + HEX64_BYTES + 3 * WHOLE_BYTES

export function encodeSessions(sessions: readonly SavedSession[]): Uint8Array {
  let size = HEADER_BYTES
  for (const { done } of sessions) size += SESSION_BYTES + done.length * WHOLE_BYTES
  const bytes = allocateBytes(size)
  bytes.fill(0, 0, HEADER_BYTES)
  bytes[0] = FORMAT
  putU32(bytes, 4, sessions.length)
  let at = HEADER_BYTES
  for (const { origin, incarnation, opened, last, floor, done } of sessions) {
    checkWithin(origin, MAX_U16, 'an origin')
    checkWithin(done.length, MAX_U32, 'the sequences of a session')
    putU16(bytes, at, origin)
    putU16(bytes, at + 2, 0)
    putU32(bytes, at + 4, done.length)
    writeHex64(bytes, at + 8, incarnation)
    at += 8 + HEX64_BYTES
    for (const whole of [opened, last, floor, ...done]) {
      writeWhole(bytes, at, whole)
      at += WHOLE_BYTES
    }
  }
  return bytes
}

/** Throws CodecError for whatever `encodeSessions` does not write. */
export function decodeSessions(bytes: Uint8Array): SavedSession[] {
  if (bytes.length < HEADER_BYTES) fail('TRUNCATED', 'saved sessions are cut')
  if (getU32(bytes, 0) !== FORMAT) fail('UNKNOWN_KIND', 'saved sessions of an unknown format')
  const count = getU32(bytes, 4)
  const sessions: SavedSession[] = []
  let at = HEADER_BYTES
  // Ends at the first session that the bytes do not hold, whatever the count says.
  while (sessions.length < count) {
    if (bytes.length - at < SESSION_BYTES) fail('TRUNCATED', 'a saved session is cut')
    if (getU16(bytes, at + 2) !== 0) fail('MALFORMED', 'unknown bits in a saved session')
    const doneCount = getU32(bytes, at + 4)
    const end = at + SESSION_BYTES + doneCount * WHOLE_BYTES
    if (end > bytes.length) fail('TRUNCATED', 'the sequences of a saved session are cut')
    const origin = getU16(bytes, at)
    const incarnation = readHex64(bytes, at + 8)
    at += 8 + HEX64_BYTES
    const [opened, last, floor] = [readWhole(bytes, at), readWhole(bytes, at + 8), readWhole(bytes, at + 16)]
    const done: number[] = []
    for (at += 3 * WHOLE_BYTES; at < end; at += WHOLE_BYTES) done.push(ascending(done, readWhole(bytes, at)))
    sessions.push({ origin, incarnation, opened, last, floor, done })
  }
  if (at !== bytes.length) fail('MALFORMED', 'bytes behind the saved sessions')
  return sessions
}

function ascending(before: readonly number[], sequence: number): number {
  if (sequence <= (before.at(-1) ?? -1)) fail('MALFORMED', 'the sequences of a saved session are out of order')
  return sequence
}
