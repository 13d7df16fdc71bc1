import { putU16 } from '../codec/little-endian.js'
import { allocateBytes, copyBytes } from '../codec/own-bytes.js'
import { BLOCK_HEADER_BYTES, type Block } from './state-block.js'

/** An entry that stands in no block yet. */
export interface NewEntry {
  readonly key: Uint8Array
  /** As it stands in the block: a value, a reference to a large one, a child. */
  readonly value: Uint8Array
  readonly isBig: boolean
}

/** Entries of a block that there is already. */
interface Run {
  readonly block: Block
  readonly from: number
  readonly to: number
}

/**
 * A block to be: stretches of blocks that there are, and new entries, in ascending order. A change of one entry in a
 * hundred copies two stretches and does not look at the rest.
 */
export class Draft {
  readonly level: number
  /** Every key in it, and every key that may come into it, is at or above this. */
  readonly low: Uint8Array
  /** The numbers of the blocks that it replaces. */
  readonly blocks: number[]
  count = 0
  /**
   * Where entries were added one behind the other, the place behind them. More are to be expected there: a split makes full
   * blocks of what is before it, and leaves the rest alone.
   */
  growsAt: number | undefined
  /** It takes the place of a larger block. */
  isShrunk = false
  readonly #parts: (Run | NewEntry)[] = []
  #first: Uint8Array | undefined
  /** What all keys begin with. */
  #prefixLength = 0
  /** The bytes of the entries if their keys were stored whole. */
  #wholeBytes = 0

  constructor(level: number, low: Uint8Array, blocks: readonly number[] = []) {
    this.level = level
    this.low = low
    this.blocks = [...blocks]
  }

  /** The length of the block; it may come out a little shorter. */
  get bytes(): number {
    return BLOCK_HEADER_BYTES + this.#prefixLength + this.#wholeBytes - this.count * this.#prefixLength
  }

  bytesWith({ key, value }: NewEntry): number {
    const prefixLength = this.#prefixWith(key)
    const wholeBytes = this.#wholeBytes + entryBytes(key, value)
    return BLOCK_HEADER_BYTES + prefixLength + wholeBytes - (this.count + 1) * prefixLength
  }

  addRun(block: Block, from: number, to: number): void {
    if (from >= to) return
    if (this.#first === undefined) this.#begin(block.key(from))
    this.#prefixLength = this.#prefixWith(block.key(to - 1))
    this.#parts.push({ block, from, to })
    this.count += to - from
    this.#wholeBytes += block.wholeBytes(from, to)
  }

  addEntry(entry: NewEntry): void {
    if (this.#first === undefined) this.#begin(entry.key)
    this.#prefixLength = this.#prefixWith(entry.key)
    this.#parts.push(entry)
    this.count++
    this.#wholeBytes += entryBytes(entry.key, entry.value)
  }

  /** Takes over everything of the draft behind it. */
  absorb(other: Draft): void {
    for (const part of other.#parts) {
      if ('block' in part) this.addRun(part.block, part.from, part.to)
      else this.addEntry(part)
    }
    this.blocks.push(...other.blocks)
  }

  get firstKey(): Uint8Array {
    return this.#first ?? NO_KEY
  }

  get lastKey(): Uint8Array {
    const last = this.#parts.at(-1)
    if (last === undefined) return NO_KEY
    return 'block' in last ? last.block.key(last.to - 1) : last.key
  }

  encode(): Uint8Array {
    const bytes = allocateBytes(this.bytes)
    bytes[0] = this.level
    bytes[1] = 0
    putU16(bytes, 2, this.count)
    putU16(bytes, 4, this.#prefixLength)
    copyBytes(this.firstKey, 0, this.#prefixLength, bytes, BLOCK_HEADER_BYTES)
    let at = BLOCK_HEADER_BYTES + this.#prefixLength
    for (const part of this.#parts) {
      if (!('block' in part)) at = putEntry(bytes, at, part, this.#prefixLength)
      else if (part.block.prefixLength === this.#prefixLength) {
        const start = part.block.startOf(part.from)
        const length = part.block.startOf(part.to) - start
        copyBytes(part.block.bytes, start, length, bytes, at)
        at += length
      } else {
        for (let i = part.from; i < part.to; i++) at = putEntry(bytes, at, entryOf(part.block, i), this.#prefixLength)
      }
    }
    return at === bytes.length ? bytes : bytes.slice(0, at)
  }

  /**
   * As blocks of at most about `maxBytes`: of equal size, or full ones up to where it grows, and the rest. An inner block
   * never has less than two children, however long their keys are: else the tree would not get narrower upwards.
   */
  split(maxBytes: number): Draft[] {
    const least = this.level === 0 ? 1 : 2
    const pieces = Math.max(1, Math.min(Math.ceil(this.bytes / maxBytes), Math.floor(this.count / least)))
    const target = this.#wholeBytes / pieces
    const drafts = [new Draft(this.level, this.low, this.blocks)]
    let left = this.count
    let placed = 0
    for (const entry of this.#entries()) {
      let draft = drafts[drafts.length - 1]!
      const bytes = entryBytes(entry.key, entry.value)
      const isFull =
        this.growsAt === undefined
          ? placed + bytes / 2 > target * drafts.length && drafts.length < pieces
          : this.count - left === this.growsAt
      if ((isFull || draft.bytesWith(entry) > maxBytes) && draft.count >= least && left >= least) {
        const low = this.level === 0 ? separator(draft.lastKey, entry.key) : entry.key
        draft = new Draft(this.level, low)
        drafts.push(draft)
      }
      draft.addEntry(entry)
      placed += bytes
      left--
    }
    return drafts
  }

  *#entries(): IterableIterator<NewEntry> {
    for (const part of this.#parts) {
      if (!('block' in part)) yield part
      else for (let i = part.from; i < part.to; i++) yield entryOf(part.block, i)
    }
  }

  #begin(key: Uint8Array): void {
    this.#first = key
    this.#prefixLength = key.length
  }

  #prefixWith(key: Uint8Array): number {
    const first = this.#first ?? key
    const most = Math.min(this.#first === undefined ? key.length : this.#prefixLength, key.length)
    let length = 0
    while (length < most && first[length] === key[length]) length++
    return length
  }
}

const NO_KEY = new Uint8Array(0)

/** The shortest key that is above `below` and not above `key`. */
export function separator(below: Uint8Array, key: Uint8Array): Uint8Array {
  let length = 0
  while (length < below.length && below[length] === key[length]) length++
  return key.slice(0, length + 1)
}

function entryOf(block: Block, i: number): NewEntry {
  return { key: block.key(i), value: block.value(i), isBig: block.level === 0 && block.big(i) !== undefined }
}

function shortBytes(value: number): number {
  return value > 127 ? 2 : 1
}

function entryBytes(key: Uint8Array, value: Uint8Array): number {
  return shortBytes(key.length) + shortBytes(value.length + 1) + key.length + value.length
}

function putShort(bytes: Uint8Array, at: number, value: number): number {
  if (value < 128) {
    bytes[at] = value
    return at + 1
  }
  bytes[at] = (value & 127) | 128
  bytes[at + 1] = value >> 7
  return at + 2
}

function putEntry(bytes: Uint8Array, at: number, { key, value, isBig }: NewEntry, prefixLength: number): number {
  const rest = key.length - prefixLength
  let next = putShort(bytes, putShort(bytes, at, rest), isBig ? 0 : value.length + 1)
  copyBytes(key, prefixLength, rest, bytes, next)
  next += rest
  copyBytes(value, 0, value.length, bytes, next)
  return next + value.length
}
