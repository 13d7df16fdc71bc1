import { getU32, putU32 } from '../codec/little-endian.js'
import { copyBytes } from '../codec/own-bytes.js'
import type { BigRef, BlockRef } from './state-head.js'

/**
 * A block of a state tree: entries in ascending order of their keys, with what all keys begin with stored once.
 *
 * ```
 * 0  u8   level: 0 for a leaf, else one more than that of its children
 * 1  u8   0
 * 2  u16  number of entries
 * 4  u16  length of the prefix
 * 6       prefix
 *         entries: short(length of the rest of the key), short(0: see below, else length of the value + 1), rest, value
 * ```
 *
 * A short is one byte below 128, else two, the lower seven bits first. The value in an inner block is the child: number
 * u40, crc32 u32. A large value in a leaf lies in blocks of its own, and its entry, marked by 0, has the first of them u40,
 * the length u32, and the crc32 of all its bytes u32. No block holds its own checksum: its parent does.
 *
 * The keys of an inner block part its children: child `i` has the keys from key `i` on and below key `i + 1`. Key 0 may be
 * too high, and is never looked at: what brought the search into the block was its parent.
 */
export const BLOCK_HEADER_BYTES = 6
const CHILD_BYTES = 9
const BIG_REF_BYTES = 13

export class Block {
  readonly bytes: Uint8Array
  readonly level: number
  readonly count: number
  readonly prefixLength: number
  /** Where each entry begins, and where the last one ends. */
  readonly #starts: Uint16Array
  readonly #longestKey: number

  private constructor(bytes: Uint8Array, starts: Uint16Array, longestKey: number) {
    this.bytes = bytes
    this.level = bytes[0] ?? 0
    this.count = starts.length - 1
    this.prefixLength = (bytes[4] ?? 0) | ((bytes[5] ?? 0) << 8)
    this.#starts = starts
    this.#longestKey = longestKey
  }

  /** Of bytes whose checksum was right; undefined if they are no block all the same. Keeps the bytes. */
  static decode(bytes: Uint8Array): Block | undefined {
    const count = (bytes[2] ?? 0) | ((bytes[3] ?? 0) << 8)
    const prefixLength = (bytes[4] ?? 0) | ((bytes[5] ?? 0) << 8)
    if (bytes.length > 0xffff || count === 0) return undefined
    const isInner = bytes[0] !== 0
    const starts = new Uint16Array(count + 1)
    let at = BLOCK_HEADER_BYTES + prefixLength
    let longest = 0
    for (let i = 0; i < count; i++) {
      starts[i] = at
      let rest = bytes[at++] ?? 0
      if (rest > 127) rest = (rest & 127) | ((bytes[at++] ?? 0) << 7)
      let tag = bytes[at++] ?? 0
      if (tag > 127) tag = (tag & 127) | ((bytes[at++] ?? 0) << 7)
      if (isInner && tag !== CHILD_BYTES + 1) return undefined
      at += rest + (tag === 0 ? BIG_REF_BYTES : tag - 1)
      if (rest > longest) longest = rest
      if (at > bytes.length) return undefined
    }
    starts[count] = at
    return at === bytes.length ? new Block(bytes, starts, prefixLength + longest) : undefined
  }

  /** The index of the key, or `~i` if it is not there and would stand before entry `i`. */
  find(key: Uint8Array): number {
    const { bytes, prefixLength } = this
    const shared = Math.min(prefixLength, key.length)
    for (let j = 0; j < shared; j++) {
      const difference = key[j]! - bytes[BLOCK_HEADER_BYTES + j]!
      if (difference !== 0) return difference < 0 ? ~0 : ~this.count
    }
    if (key.length < prefixLength) return ~0
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >> 1
      const difference = this.#compare(middle, key)
      if (difference === 0) return middle
      if (difference < 0) low = middle + 1
      else high = middle
    }
    return ~low
  }

  /** Of an inner block: which child has the key, if any has. */
  childOf(key: Uint8Array): number {
    const found = this.find(key)
    return found >= 0 ? found : Math.max(0, ~found - 1)
  }

  child(i: number): BlockRef {
    const at = this.#valueAt(i)
    return { block: getU40(this.bytes, at), crc: getU32(this.bytes, at + 5) }
  }

  key(i: number): Uint8Array {
    const { bytes, prefixLength } = this
    const at = this.#restAt(i)
    const rest = this.#restLength(i)
    const key = new Uint8Array(prefixLength + rest)
    copyBytes(bytes, BLOCK_HEADER_BYTES, prefixLength, key, 0)
    copyBytes(bytes, at, rest, key, prefixLength)
    return key
  }

  /** Its bytes here: of a large value the reference, of an inner block the child. */
  value(i: number): Uint8Array {
    return this.bytes.subarray(this.#valueAt(i), this.#starts[i + 1]!)
  }

  /** Where the value lies, if it is a large one. */
  big(i: number): BigRef | undefined {
    const { bytes } = this
    const start = this.#starts[i]!
    if (bytes[start + (bytes[start]! > 127 ? 2 : 1)] !== 0) return undefined
    const at = this.#valueAt(i)
    return { first: getU40(bytes, at), length: getU32(bytes, at + 5), crc: getU32(bytes, at + 9) }
  }

  startOf(i: number): number {
    return this.#starts[i]!
  }

  /** The bytes of some entries, at the most, if their keys were stored whole. */
  wholeBytes(from: number, to: number): number {
    const perEntry = this.prefixLength + (this.#longestKey > 127 ? 1 : 0)
    return this.#starts[to]! - this.#starts[from]! + (to - from) * perEntry
  }

  /** What the block costs in memory, about. */
  get footprint(): number {
    return this.bytes.length + this.#starts.length * 2 + 300
  }

  #compare(i: number, key: Uint8Array): number {
    const { bytes, prefixLength } = this
    let at = this.#starts[i]!
    let rest = bytes[at++]!
    if (rest > 127) rest = (rest & 127) | (bytes[at++]! << 7)
    at += bytes[at]! > 127 ? 2 : 1
    const wanted = key.length - prefixLength
    const shared = Math.min(rest, wanted)
    for (let j = 0; j < shared; j++) {
      const difference = bytes[at + j]! - key[prefixLength + j]!
      if (difference !== 0) return difference
    }
    return rest - wanted
  }

  #restLength(i: number): number {
    const at = this.#starts[i]!
    const rest = this.bytes[at]!
    return rest > 127 ? (rest & 127) | (this.bytes[at + 1]! << 7) : rest
  }

  #restAt(i: number): number {
    const { bytes } = this
    let at = this.#starts[i]!
    at += bytes[at]! > 127 ? 2 : 1
    return at + (bytes[at]! > 127 ? 2 : 1)
  }

  #valueAt(i: number): number {
    return this.#restAt(i) + this.#restLength(i)
  }
}

export function childBytes({ block, crc }: BlockRef): Uint8Array {
  const bytes = new Uint8Array(CHILD_BYTES)
  putU40(bytes, 0, block)
  putU32(bytes, 5, crc)
  return bytes
}

export function bigRefBytes({ first, length, crc }: BigRef): Uint8Array {
  const bytes = new Uint8Array(BIG_REF_BYTES)
  putU40(bytes, 0, first)
  putU32(bytes, 5, length)
  putU32(bytes, 9, crc)
  return bytes
}

function getU40(bytes: Uint8Array, at: number): number {
  return getU32(bytes, at) + bytes[at + 4]! * 2 ** 32
}

function putU40(bytes: Uint8Array, at: number, value: number): void {
  putU32(bytes, at, value >>> 0)
  bytes[at + 4] = Math.floor(value / 2 ** 32)
}
