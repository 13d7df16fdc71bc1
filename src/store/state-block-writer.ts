import { crc32 } from '../codec/crc32.js'
import { bigRefBytes, childBytes } from './state-block.js'
import { CHUNK_BYTES, chunksOf } from './state-blocks.js'
import type { Draft, NewEntry } from './state-draft.js'
import type { BigRef, BlockRef } from './state-head.js'

/** Bytes for a block; `crc` undefined: they are a part of a large value. */
export interface BlockPut {
  readonly block: number
  readonly bytes: Uint8Array
  readonly crc: number | undefined
}

/** A value that takes more than this share of a block goes into blocks of its own. */
const BIG_SHARE = 1 / 4

/** Numbers blocks, and gathers what a commit has to write and to remove. */
export class BlockWriter {
  readonly blockBytes: number
  nextBlock: number
  puts: BlockPut[] = []
  removed: number[] = []

  constructor(nextBlock: number, blockBytes: number) {
    this.nextBlock = nextBlock
    this.blockBytes = blockBytes
  }

  /** An entry for a leaf; a large value gets blocks of its own at once. The bytes must stay as they are until the commit. */
  entry(key: Uint8Array, value: Uint8Array): NewEntry {
    if (value.length <= this.blockBytes * BIG_SHARE) return { key, value, isBig: false }
    return { key, value: bigRefBytes(this.putBig(value)), isBig: true }
  }

  putBig(value: Uint8Array): BigRef {
    const first = this.nextBlock
    for (let at = 0; at < value.length; at += CHUNK_BYTES) {
      this.puts.push({ block: this.nextBlock++, bytes: value.subarray(at, at + CHUNK_BYTES), crc: undefined })
    }
    return { first, length: value.length, crc: crc32(value) }
  }

  removeBig({ first, length }: BigRef): void {
    for (let i = 0; i < chunksOf(length); i++) this.removed.push(first + i)
  }

  /** As one block or several, under the numbers of those that the draft replaces; none if it is empty. */
  seal(draft: Draft): Child[] {
    const pieces = draft.count === 0 ? [] : draft.bytes > this.blockBytes ? draft.split(this.blockBytes) : [draft]
    this.removed.push(...draft.blocks.slice(pieces.length))
    return pieces.map((piece, i) => {
      const bytes = piece.encode()
      const ref = { block: draft.blocks[i] ?? this.nextBlock++, crc: crc32(bytes) }
      this.puts.push({ ...ref, bytes })
      return { low: piece.low, ref }
    })
  }
}

/** A block that its parent is to name. */
export interface Child {
  readonly low: Uint8Array
  readonly ref: BlockRef
}

export function childEntry({ low, ref }: Child): NewEntry {
  return { key: low, value: childBytes(ref), isBig: false }
}
