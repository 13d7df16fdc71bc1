import { crc32 } from '../../../src/codec/crc32.js'
import { Block } from '../../../src/store/state-block.js'
import { BlockWriter } from '../../../src/store/state-block-writer.js'
import { type BlockSource, CHUNK_BYTES, chunksOf } from '../../../src/store/state-blocks.js'
import type { BigRef, BlockRef } from '../../../src/store/state-head.js'
import { compareKeys, NO_KEY, type StateTree, TreeCursor, valueIn } from '../../../src/store/state-tree.js'
import { type TreeChange, TreeUpdate } from '../../../src/store/state-tree-update.js'

/** The blocks of one tree in a map, with the bookkeeping of a commit. */
export class MemoryBlocks implements BlockSource {
  readonly bytes = new Map<number, Uint8Array>()
  root: BlockRef | undefined
  nextBlock = 1
  readonly blockBytes: number

  constructor(blockBytes: number) {
    this.blockBytes = blockBytes
  }

  get tree(): StateTree {
    return { source: this, root: this.root }
  }

  block({ block, crc }: BlockRef): Block {
    const bytes = this.#stored(block)
    const decoded = crc32(bytes) === crc ? Block.decode(bytes) : undefined
    if (decoded === undefined) throw new Error(`block ${block} is not the one that its parent names`)
    return decoded
  }

  big({ first, length, crc }: BigRef): Uint8Array {
    const parts = Array.from({ length: chunksOf(length) }, (_, i) => this.#stored(first + i))
    const value = new Uint8Array(Buffer.concat(parts))
    if (value.length !== length || crc32(value) !== crc) throw new Error('a large value is not the one that was put')
    if (parts.some((part, i) => part.length !== Math.min(CHUNK_BYTES, length - i * CHUNK_BYTES)))
      throw new Error('a large value is cut in the wrong places')
    return value
  }

  commit(changes: readonly TreeChange[]): void {
    const writer = new BlockWriter(this.nextBlock, this.blockBytes)
    const update = new TreeUpdate(this.tree, writer)
    update.apply(changes)
    this.take(writer, update.root)
  }

  take(writer: BlockWriter, root: BlockRef | undefined): void {
    const put = new Set<number>()
    for (const { block, bytes } of writer.puts) {
      if (put.has(block)) throw new Error(`block ${block} was written twice in one commit`)
      put.add(block)
      this.bytes.set(block, new Uint8Array(bytes))
    }
    for (const block of writer.removed) {
      if (put.has(block)) throw new Error(`block ${block} was written and removed in one commit`)
      this.bytes.delete(block)
    }
    this.nextBlock = writer.nextBlock
    this.root = root
  }

  entries(): [key: string, value: string][] {
    const found: [string, string][] = []
    const cursor = new TreeCursor(this.tree, NO_KEY)
    for (let step = cursor.next(); step !== undefined; step = cursor.next()) {
      found.push([latin1(step.block.key(step.at)), latin1(valueIn(this.tree, step.block, step.at))])
    }
    return found
  }

  /** Throws unless the tree is one, and every block that is stored belongs to it. Returns its number of levels. */
  check(): number {
    const seen = new Set<number>()
    if (this.root === undefined) {
      if (this.bytes.size > 0) throw new Error('an empty tree has blocks')
      return 0
    }
    const levels = this.#checkBlock(this.root, NO_KEY, undefined, seen) + 1
    for (const block of this.bytes.keys()) if (!seen.has(block)) throw new Error(`block ${block} belongs to nothing`)
    if (levels > 1 && this.block(this.root).count < 2) throw new Error('the root has one child only')
    return levels
  }

  #checkBlock(ref: BlockRef, low: Uint8Array, high: Uint8Array | undefined, seen: Set<number>): number {
    if (seen.has(ref.block)) throw new Error(`block ${ref.block} has two parents`)
    seen.add(ref.block)
    const block = this.block(ref)
    let last: Uint8Array | undefined
    for (let i = 0; i < block.count; i++) {
      const key = block.key(i)
      const isFirstOfInner = block.level > 0 && i === 0
      if (last !== undefined && compareKeys(last, key) >= 0) throw new Error('keys are out of order')
      if (!isFirstOfInner && compareKeys(key, low) < 0) throw new Error('a key is below those of its block')
      if (!isFirstOfInner && high !== undefined && compareKeys(key, high) >= 0)
        throw new Error('a key is above its block')
      last = key
      if (block.level > 0) {
        const from = i === 0 ? low : key
        const until = i + 1 < block.count ? block.key(i + 1) : high
        const level = this.#checkBlock(block.child(i), from, until, seen)
        if (level !== block.level - 1) throw new Error('leaves at different depths')
        continue
      }
      const big = block.big(i)
      if (big === undefined) continue
      this.big(big)
      for (let n = 0; n < chunksOf(big.length); n++) seen.add(big.first + n)
    }
    return block.level
  }

  #stored(block: number): Uint8Array {
    const bytes = this.bytes.get(block)
    if (bytes === undefined) throw new Error(`block ${block} is missing`)
    return bytes
  }
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
