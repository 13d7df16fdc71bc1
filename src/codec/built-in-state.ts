import type { Instance } from '../base/numbers.js'
import type { SavedSession } from '../core/sessions.js'
import { fail } from './codec-error.js'
import { checkWithin, MAX_U16, readWhole, WHOLE_BYTES, writeWhole } from './integers.js'
import { getU32, putU32 } from './little-endian.js'
import { allocateBytes } from './own-bytes.js'
import { decodeSessions, encodeSessions } from './saved-sessions.js'

/** Where an external machine stood when the position of its group was kept: it must never be found behind it. */
export interface ExternalPosition {
  readonly machine: number
  readonly instance: Instance
  /** -1: before the first command of the instance. */
  readonly index: number
}

/** What the runtime itself keeps with the state of a group, and in its checkpoints. */
export interface BuiltInState {
  readonly sessions: readonly SavedSession[]
  /** Ascending by machine. */
  readonly externals: readonly ExternalPosition[]
}

/**
 * u32 bytes of the sessions, u32 count of externals, the sessions (saved-sessions.ts); then of each external machine
 * u32 id, u32 0, wholes instance, index + 1.
 */
const HEADER_BYTES = 8
const EXTERNAL_BYTES = 8 + 2 * WHOLE_BYTES

export function encodeBuiltIn({ sessions, externals }: BuiltInState): Uint8Array {
  const saved = encodeSessions(sessions)
  const bytes = allocateBytes(HEADER_BYTES + saved.length + externals.length * EXTERNAL_BYTES)
  putU32(bytes, 0, saved.length)
  putU32(bytes, 4, externals.length)
  bytes.set(saved, HEADER_BYTES)
  let at = HEADER_BYTES + saved.length
  for (const { machine, instance, index } of externals) {
    checkWithin(machine, MAX_U16, 'a machine id')
    putU32(bytes, at, machine)
    putU32(bytes, at + 4, 0)
    writeWhole(bytes, at + 8, instance)
    writeWhole(bytes, at + 8 + WHOLE_BYTES, index + 1)
    at += EXTERNAL_BYTES
  }
  return bytes
}

/** Throws CodecError for whatever `encodeBuiltIn` does not write. */
export function decodeBuiltIn(bytes: Uint8Array): BuiltInState {
  if (bytes.length < HEADER_BYTES) fail('TRUNCATED', 'the built-in state is cut')
  const sessionsEnd = HEADER_BYTES + getU32(bytes, 0)
  const count = getU32(bytes, 4)
  if (bytes.length !== sessionsEnd + count * EXTERNAL_BYTES) fail('TRUNCATED', 'the built-in state is cut, or too long')
  const sessions = decodeSessions(bytes.subarray(HEADER_BYTES, sessionsEnd))
  const externals: ExternalPosition[] = []
  for (let at = sessionsEnd; at < bytes.length; at += EXTERNAL_BYTES) {
    const machine = getU32(bytes, at)
    if (machine > MAX_U16 || machine <= (externals.at(-1)?.machine ?? -1) || getU32(bytes, at + 4) !== 0)
      fail('MALFORMED', 'the external machines of a built-in state are out of order')
    const instance = readWhole(bytes, at + 8)
    externals.push({ machine, instance, index: readWhole(bytes, at + 8 + WHOLE_BYTES) - 1 })
  }
  return { sessions, externals }
}
