import type { GroupIndex } from '../base/numbers.js'
import { crc32 } from '../codec/crc32.js'
import { allocateBytes } from '../codec/own-bytes.js'
import { KEY_BYTES } from './log-keys.js'
import { Block } from './state-block.js'
import type { CacheShelf } from './state-block-cache.js'
import type { BigRef, BlockRef } from './state-head.js'
import { blockKey } from './state-keys.js'
import { type StoreError, stateDamaged } from './store-error.js'

/** The largest value for which LMDB takes so many pages: the first has a header. (lmdb-js has a longer one than LMDB.) */
export function bytesInPages(pages: number): number {
  return pages * 4096 - 24
}

/** A part of a large value. Of more than 16 KB lmdb-js would hand out a view of its memory map. */
export const CHUNK_BYTES = bytesInPages(4)

/** An environment to read from, whatever transaction that is in. */
export interface ValueReader {
  readonly path: string
  /** A copy. */
  read(key: Uint8Array): Uint8Array | undefined
}

/** Where a tree has its blocks. Every block and value that it gives has been compared with its checksum. */
export interface BlockSource {
  block(ref: BlockRef): Block
  big(ref: BigRef): Uint8Array
}

/** The blocks of one generation of a group, straight from the environment. */
export class StoredBlocks implements BlockSource {
  readonly group: GroupIndex
  readonly generation: number
  /** How much was read so far. */
  bytesRead = 0
  readonly #reader: ValueReader
  readonly #key = new Uint8Array(KEY_BYTES)

  constructor(reader: ValueReader, group: GroupIndex, generation: number) {
    this.#reader = reader
    this.group = group
    this.generation = generation
  }

  block({ block, crc }: BlockRef): Block {
    const bytes = this.#read(block)
    if (crc32(bytes) !== crc)
      throw this.#damaged(`block ${block} does not have the checksum that its parent has for it`)
    const decoded = Block.decode(bytes)
    if (decoded === undefined) throw this.#damaged(`block ${block} is none`)
    return decoded
  }

  big({ first, length, crc }: BigRef): Uint8Array {
    // The last part first: a length that nothing stands for must not ask for memory.
    const rest = length % CHUNK_BYTES || CHUNK_BYTES
    if (length > 0 && this.#read(first + chunksOf(length) - 1).length !== rest)
      throw this.#damaged(`the value in block ${first} and behind it has another length`)
    const value = allocateBytes(length)
    for (let at = 0, block = first; at < length; at += CHUNK_BYTES, block++) {
      const bytes = this.#read(block)
      if (bytes.length !== Math.min(CHUNK_BYTES, length - at))
        throw this.#damaged(`block ${block}, a part of a large value, has another length`)
      value.set(bytes, at)
    }
    if (crc32(value) !== crc) throw this.#damaged(`the value in block ${first} and behind it has another checksum`)
    return value
  }

  #read(block: number): Uint8Array {
    const bytes = this.#reader.read(blockKey(this.#key, this.group, this.generation, block))
    if (bytes === undefined) throw this.#damaged(`block ${block} is missing`)
    this.bytesRead += bytes.length
    return bytes
  }

  #damaged(what: string): StoreError {
    return stateDamaged(this.#reader.path, this.group, what)
  }
}

export class CachedBlocks implements BlockSource {
  readonly #stored: StoredBlocks
  readonly #shelf: CacheShelf

  constructor(stored: StoredBlocks, shelf: CacheShelf) {
    this.#stored = stored
    this.#shelf = shelf
  }

  block(ref: BlockRef): Block {
    const cached = this.#shelf.get(ref.block, ref.crc)
    if (cached !== undefined) return cached
    const block = this.#stored.block(ref)
    this.#shelf.put(ref.block, ref.crc, block)
    return block
  }

  /** Large values are not kept: one of them would throw out everything else. */
  big(ref: BigRef): Uint8Array {
    return this.#stored.big(ref)
  }
}

export function chunksOf(length: number): number {
  return Math.ceil(length / CHUNK_BYTES)
}
