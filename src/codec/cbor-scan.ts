import { fail } from './codec-error.js'

/** Bounds on one cbor item. Depth and count are checked before a decoder builds anything. */
export interface CborBounds {
  readonly maxBytes: number
  readonly maxDepth: number
  readonly maxItems: number
}

const BYTES = 2
const TEXT = 3
const ARRAY = 4
const MAP = 5
const TAG = 6
const SIMPLE = 7

// Bigger ones are decoded in quadratic time.
const MAX_BIG_INTEGER_BYTES = 1024
const BIG_INTEGERS = new Set([2, 3])
// Dates, typed arrays, sets, maps. Left out are those that would make the decoder compile records, follow references,
// look strings up, or build errors and patterns: none of these is plain data, and some depend on what came before.
const TAGS = new Set([1, 2, 3, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 77, 78, 79, 81, 82, 85, 86, 258, 259])
/** Of the tags above: their content is a byte string of a multiple of so many bytes. */
const ELEMENT_BYTES: ReadonlyMap<number, number> = new Map([
  ...[64, 68, 72].map((tag) => [tag, 1] as const),
  ...[65, 69, 73, 77].map((tag) => [tag, 2] as const),
  ...[66, 70, 74, 78, 81, 85].map((tag) => [tag, 4] as const),
  ...[67, 71, 75, 79, 82, 86].map((tag) => [tag, 8] as const),
])

// Items still to come on each level of the item at hand. One scan at a time: it calls nothing that could scan.
const open: number[] = []

/**
 * Walks the single cbor item that must fill `offset .. end`, without recursion. The decoder recurses, and where the
 * stack ends differs between threads and nodes: one and the same command must be refused by all or by none.
 */
export function checkCbor(bytes: Uint8Array, offset: number, end: number, bounds: CborBounds): void {
  if (end - offset > bounds.maxBytes) fail('TOO_LARGE', `a payload of ${end - offset} bytes`)
  let depth = 0
  let pending = 1
  let items = 0
  let at = offset
  while (true) {
    while (pending === 0) {
      if (depth === 0) {
        if (at !== end) fail('MALFORMED', 'bytes behind a cbor item')
        return
      }
      pending = open[--depth]!
    }
    pending--
    if (++items > bounds.maxItems) fail('TOO_LARGE', `a payload of more than ${bounds.maxItems} items`)
    if (at >= end) fail('TRUNCATED', 'a cbor item is cut')
    const first = bytes[at]!
    const major = first >> 5
    const info = first & 31
    if (info > 27) fail('MALFORMED', 'a cbor item without a length')
    const argument = info < 24 ? info : readArgument(bytes, at + 1, end, info)
    at += 1 + (info < 24 ? 0 : 1 << (info - 24))
    if (major < BYTES) continue
    if (major === SIMPLE) {
      if (info < 20 || info === 24) fail('MALFORMED', 'an unknown simple value')
      continue
    }
    if (major === BYTES || major === TEXT) {
      if (argument > end - at) fail('TRUNCATED', `a string of ${argument} bytes is cut`)
      at += argument
      continue
    }
    if (argument > end - at && major !== TAG) fail('TRUNCATED', `a list of ${argument} items is cut`)
    if (depth === bounds.maxDepth) fail('TOO_LARGE', `a payload deeper than ${bounds.maxDepth}`)
    open[depth++] = pending
    pending = major === ARRAY ? argument : major === MAP ? 2 * argument : 1
    if (major === TAG) checkTag(bytes, at, end, argument)
  }
}

function readArgument(bytes: Uint8Array, at: number, end: number, info: number): number {
  const size = 1 << (info - 24)
  if (size > end - at) fail('TRUNCATED', 'a cbor item is cut')
  let argument = 0
  for (let i = 0; i < size; i++) argument = argument * 256 + bytes[at + i]!
  return argument
}

/** `at` is the first byte of the tagged item. */
function checkTag(bytes: Uint8Array, at: number, end: number, tag: number): void {
  if (!TAGS.has(tag)) fail('MALFORMED', `unknown cbor tag ${tag}`)
  if (at >= end) fail('TRUNCATED', 'a cbor tag is cut')
  const isBig = BIG_INTEGERS.has(tag)
  const elementBytes = ELEMENT_BYTES.get(tag)
  if (!isBig && elementBytes === undefined) return
  const info = bytes[at]! & 31
  if (bytes[at]! >> 5 !== BYTES || info > 27) fail('MALFORMED', `cbor tag ${tag} without bytes`)
  const length = info < 24 ? info : readArgument(bytes, at + 1, end, info)
  if (isBig && length > MAX_BIG_INTEGER_BYTES) fail('TOO_LARGE', `an integer of ${length} bytes`)
  if (elementBytes !== undefined && length % elementBytes !== 0)
    fail('MALFORMED', 'a typed array with a part of an element')
}
