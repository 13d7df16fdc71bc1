import { fail } from './codec-error.js'
import { checkWithin, MAX_U32, readWhole, WHOLE_BYTES, writeWhole } from './integers.js'
import { getU16, getU32, putU16, putU32 } from './little-endian.js'
import { type KindNumber, MESSAGE_HEADER_BYTES } from './message-layout.js'

/** Writes the header and up to four whole numbers; returns the offset behind them. Undefined: the kind has fewer. */
export function writeFixed(
  bytes: Uint8Array,
  offset: number,
  kind: KindNumber,
  word: number,
  a?: number,
  b?: number,
  c?: number,
  d?: number,
): number {
  writeHeader(bytes, offset, kind, 0, word)
  let at = offset + MESSAGE_HEADER_BYTES
  if (a === undefined) return at
  writeWhole(bytes, at, a)
  at += WHOLE_BYTES
  if (b === undefined) return at
  writeWhole(bytes, at, b)
  at += WHOLE_BYTES
  if (c === undefined) return at
  writeWhole(bytes, at, c)
  at += WHOLE_BYTES
  if (d === undefined) return at
  writeWhole(bytes, at, d)
  return at + WHOLE_BYTES
}

export function writeHeader(bytes: Uint8Array, offset: number, kind: KindNumber, small: number, word: number): void {
  checkWithin(word, MAX_U32, 'the word of a message')
  bytes[offset] = kind
  bytes[offset + 1] = small
  putU16(bytes, offset + 2, 0)
  putU32(bytes, offset + 4, word)
}

/** The `index`-th whole number of the message at `offset`. */
export function field(bytes: Uint8Array, offset: number, index: number): number {
  return readWhole(bytes, offset + MESSAGE_HEADER_BYTES + index * WHOLE_BYTES)
}

/**
 * Refuses a ballot of the upper half, 2^52 and above: no cluster gets there in a thousand years, and a node that believed in the
 * last ballots would have none left to campaign at. `indexes` are those of the whole numbers that are ballots.
 */
export function checkBallots(bytes: Uint8Array, offset: number, indexes: readonly number[]): void {
  for (let i = 0; i < indexes.length; i++) {
    const at = offset + MESSAGE_HEADER_BYTES + indexes[i]! * WHOLE_BYTES
    if (bytes[at + 6]! >= 0x10 || bytes[at + 7] !== 0) fail('MALFORMED', 'a ballot above 2^52')
  }
}

export function smallOf(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1]!
}

export function wordOf(bytes: Uint8Array, offset: number): number {
  return getU32(bytes, offset + 4)
}

/** Refuses bits that this version gives no meaning. */
export function checkUnused(bytes: Uint8Array, offset: number, usesSmall: boolean, usesWord: boolean): void {
  if (!usesSmall && smallOf(bytes, offset) !== 0) fail('MALFORMED', 'unknown bits in a message')
  if (!usesWord && wordOf(bytes, offset) !== 0) fail('MALFORMED', 'unknown bits in a message')
  if (getU16(bytes, offset + 2) !== 0) fail('MALFORMED', 'unknown bits in a message')
}
