import type { Value } from '../core/command-run.js'
import type { AcceptedRecord } from '../core/durable.js'
import type { Accept, Forward, Learned, Part, Promised } from '../core/messages.js'
import { fail } from './codec-error.js'
import { checkValue, countRuns, readRuns, runsSize, writeRuns } from './commands.js'
import { checkWithin, MAX_U32, readWhole, WHOLE_BYTES, writeWhole } from './integers.js'
import { getU32, putU32 } from './little-endian.js'
import { checkUnused, field, smallOf, wordOf, writeFixed, writeHeader } from './message-fields.js'
import {
  fixedSize,
  KIND,
  MESSAGE_HEADER_BYTES,
  RECORD_IN_PROMISE_BYTES,
  VALUE_IN_LEARNED_BYTES,
} from './message-layout.js'
import { copyBytes, copyOf } from './own-bytes.js'

/** The messages that carry values or runs. Values are written in place and read into bytes of their own. */
export type CarryingMessage = Accept | Promised | Learned | Forward | Part

const MAX_HOPS = 255

export function carriedSize(message: CarryingMessage): number {
  switch (message.kind) {
    case 'accept':
      return message.value.length
    case 'promise':
      return sum(message.records, (record) => RECORD_IN_PROMISE_BYTES + record.value.length)
    case 'learned':
      return sum(message.values, (value) => VALUE_IN_LEARNED_BYTES + value.length)
    case 'forward':
      return runsSize(message.runs)
    case 'part':
      return message.bytes.length
  }
}

export function writeAccept(message: Accept, bytes: Uint8Array, offset: number): number {
  const { version, ballot, instance, recoveredTo, chosenUpTo, value } = message
  const at = writeFixed(bytes, offset, KIND.accept, value.length, version, ballot, instance, recoveredTo)
  writeWhole(bytes, at, chosenUpTo)
  return writeValue(value, bytes, at + WHOLE_BYTES)
}

export function readAccept(bytes: Uint8Array, at: number, length: number, maxValueBytes: number): Accept {
  checkUnused(bytes, at, false, true)
  const fixed = fixedSize(KIND.accept)
  // Cut between two runs, the rest would be a sound value: another one.
  if (wordOf(bytes, at) !== length - fixed) fail('TRUNCATED', 'the value of an accept is cut')
  return {
    kind: 'accept',
    version: field(bytes, at, 0),
    ballot: field(bytes, at, 1),
    instance: field(bytes, at, 2),
    recoveredTo: field(bytes, at, 3),
    chosenUpTo: field(bytes, at, 4),
    value: readValue(bytes, at + fixed, length - fixed, maxValueBytes),
  }
}

export function writePromise(message: Promised, bytes: Uint8Array, offset: number): number {
  const { records, version, ballot, from, chosenUpTo } = message
  let at = writeFixed(bytes, offset, KIND.promise, records.length, version, ballot, from, chosenUpTo)
  for (const record of records) {
    writeWhole(bytes, at, record.instance)
    writeWhole(bytes, at + 8, record.ballot)
    writeWhole(bytes, at + 16, record.recoveredTo)
    writeWhole(bytes, at + 24, record.version)
    writeValueHeader(record.value, bytes, at + 32)
    at = writeValue(record.value, bytes, at + RECORD_IN_PROMISE_BYTES)
  }
  return at
}

export function readPromise(bytes: Uint8Array, offset: number, length: number, maxValueBytes: number): Promised {
  checkUnused(bytes, offset, false, true)
  const end = offset + length
  const count = wordOf(bytes, offset)
  const records: AcceptedRecord[] = []
  let at = offset + fixedSize(KIND.promise)
  // Ends at the first record that the bytes do not hold, whatever the count says.
  while (records.length < count) {
    const valueBytes = carriedLength(bytes, at, RECORD_IN_PROMISE_BYTES, end)
    records.push({
      instance: readWhole(bytes, at),
      ballot: readWhole(bytes, at + 8),
      recoveredTo: readWhole(bytes, at + 16),
      version: readWhole(bytes, at + 24),
      value: readValue(bytes, at + RECORD_IN_PROMISE_BYTES, valueBytes, maxValueBytes),
    })
    at += RECORD_IN_PROMISE_BYTES + valueBytes
  }
  if (at !== end) fail('MALFORMED', 'bytes behind a promise')
  const [version, ballot] = [field(bytes, offset, 0), field(bytes, offset, 1)]
  const [from, chosenUpTo] = [field(bytes, offset, 2), field(bytes, offset, 3)]
  return { kind: 'promise', version, ballot, from, chosenUpTo, records }
}

export function writeLearned(message: Learned, bytes: Uint8Array, offset: number): number {
  const { values, session, from, chosenUpTo } = message
  let at = writeFixed(bytes, offset, KIND.learned, values.length, session, from, chosenUpTo)
  bytes[offset + 1] = message.done ? 1 : 0
  for (const value of values) {
    writeValueHeader(value, bytes, at)
    at = writeValue(value, bytes, at + VALUE_IN_LEARNED_BYTES)
  }
  return at
}

export function readLearned(bytes: Uint8Array, offset: number, length: number, maxValueBytes: number): Learned {
  checkUnused(bytes, offset, true, true)
  if (smallOf(bytes, offset) > 1) fail('MALFORMED', 'unknown bits in a learned')
  const end = offset + length
  const count = wordOf(bytes, offset)
  const values: Value[] = []
  let at = offset + fixedSize(KIND.learned)
  while (values.length < count) {
    const valueBytes = carriedLength(bytes, at, VALUE_IN_LEARNED_BYTES, end)
    values.push(readValue(bytes, at + VALUE_IN_LEARNED_BYTES, valueBytes, maxValueBytes))
    at += VALUE_IN_LEARNED_BYTES + valueBytes
  }
  if (at !== end) fail('MALFORMED', 'bytes behind a learned')
  const [session, from, chosenUpTo] = [field(bytes, offset, 0), field(bytes, offset, 1), field(bytes, offset, 2)]
  return { kind: 'learned', session, from, values, chosenUpTo, done: smallOf(bytes, offset) === 1 }
}

export function writeForward(message: Forward, bytes: Uint8Array, offset: number): number {
  checkWithin(message.hops, MAX_HOPS, 'the hops of a forward')
  writeHeader(bytes, offset, KIND.forward, message.hops, message.runs.length)
  return writeRuns(message.runs, bytes, offset + MESSAGE_HEADER_BYTES)
}

/** The runs share one copy of their bytes. They are bounded by the message: a forward may hold many of one value each. */
export function readForward(bytes: Uint8Array, offset: number, length: number): Forward {
  checkUnused(bytes, offset, true, true)
  const at = offset + MESSAGE_HEADER_BYTES
  const end = offset + length
  checkValue(bytes, at, end)
  if (countRuns(bytes, at, end) !== wordOf(bytes, offset)) fail('MALFORMED', 'a forward with another count of runs')
  const own = copyOf(bytes, at, end - at)
  return { kind: 'forward', hops: smallOf(bytes, offset), runs: readRuns(own, 0, own.length) }
}

export function writePart({ session, part, bytes: carried }: Part, bytes: Uint8Array, offset: number): number {
  return writeValue(carried, bytes, writeFixed(bytes, offset, KIND.part, carried.length, session, part))
}

export function readPart(bytes: Uint8Array, at: number, length: number): Part {
  checkUnused(bytes, at, false, true)
  const fixed = fixedSize(KIND.part)
  if (wordOf(bytes, at) !== length - fixed) fail('TRUNCATED', 'the bytes of a part are cut')
  const carried = copyOf(bytes, at + fixed, length - fixed)
  return { kind: 'part', session: field(bytes, at, 0), part: field(bytes, at, 1), bytes: carried }
}

function sum<T>(items: readonly T[], size: (item: T) => number): number {
  let total = 0
  for (const item of items) total += size(item)
  return total
}

function writeValueHeader(value: Value, bytes: Uint8Array, at: number): void {
  checkWithin(value.length, MAX_U32, 'the bytes of a value')
  putU32(bytes, at, value.length)
  putU32(bytes, at + 4, 0)
}

function writeValue(value: Value, bytes: Uint8Array, at: number): number {
  copyBytes(value, 0, value.length, bytes, at)
  return at + value.length
}

/** Length of the value whose header of `headerBytes` (the length in its last 8) stands at `at`; it lies before `end`. */
function carriedLength(bytes: Uint8Array, at: number, headerBytes: number, end: number): number {
  if (end - at < headerBytes) fail('TRUNCATED', 'the header of a value is cut')
  const length = getU32(bytes, at + headerBytes - 8)
  if (getU32(bytes, at + headerBytes - 4) !== 0) fail('MALFORMED', 'unknown bits before a value')
  if (length > end - at - headerBytes) fail('TRUNCATED', `a value of ${length} bytes is cut`)
  return length
}

function readValue(bytes: Uint8Array, at: number, length: number, maxValueBytes: number): Value {
  if (length > maxValueBytes) fail('TOO_LARGE', `a value of ${length} bytes; the limit is ${maxValueBytes}`)
  checkValue(bytes, at, at + length)
  return copyOf(bytes, at, length)
}
