import { fstatSync, readSync } from 'node:fs'
import { getSafe, getU16, getU32 } from '../codec/little-endian.js'
import { KEY_BYTES } from './log-keys.js'

// A page: number u64, transaction that wrote it u64, 2 unused, flags u16. Then of a page of a tree: bytes of the list of its nodes
// u16, where the nodes begin u16; and the list, an offset u16 each, counted from behind this header. Of the first page of a large
// value: how many there are u32.
const HEADER_BYTES = 24
const WRITTEN_BY = 8
const FLAGS = 18
const PAGES = 20
const LOWER = 20
const UPPER = 22
const BRANCH = 1
const LEAF = 2
const LARGE = 4

// A node: size of the value u32 (in a branch, with the flags: number of the child u48), flags u16, size of the key u16, key, value.
const NODE_FLAGS = 4
const KEY_SIZE = 6
const NODE_BYTES = 8
const IS_BIG = 1
// In place of a large value: the number of its first page u64, a transaction u64, how many pages u64.
const BIG_BYTES = 24
const BIG_PAGES = 16

const FIRST_PAGE = 2
/** Of a list of free pages: first how many follow. */
const ENTRY_BYTES = 8

/** What a meta page says. */
export interface LmdbMeta {
  readonly pageSize: number
  readonly lastPage: number
  readonly transaction: number
  /** The trees of free pages, and of everything else. */
  readonly free: LmdbTree
  readonly main: LmdbTree
}

/** A tree as its meta page has it. */
export interface LmdbTree {
  readonly root: number
  readonly depth: number
}

/**
 * Walks the trees of an LMDB file as LMDB itself would, and looks at whatever it goes by: what a page is, where its nodes
 * lie, which pages they name. LMDB believes all of it, reads and writes outside of its pages where that is wrong, and what
 * lies there may be anything of the process: a group's state that was checked long ago. Returns what is wrong, or undefined.
 *
 * It reads every page of the trees, about 500,000 a second from memory; `isDeep`: also the beginning of every large value,
 * over which LMDB may crash, and no worse, when that is overwritten.
 */
export function lmdbIndexFlaw(fd: number, meta: LmdbMeta, isDeep: boolean): string | undefined {
  const walk = new Walk(fd, meta, isDeep)
  return walk.tree(meta.free, true) ?? walk.tree(meta.main, false)
}

class Walk {
  readonly #fd: number
  readonly #pageSize: number
  readonly #body: number
  readonly #lastPage: number
  readonly #transaction: number
  readonly #isDeep: boolean
  readonly #header = new Uint8Array(HEADER_BYTES)
  /** One bit for each page: no page is used twice. */
  readonly #used: Uint8Array
  /** One page for each level. */
  readonly #buffers: Uint8Array[] = []
  /** The values are lists of free pages. */
  #isFree = false

  constructor(fd: number, { pageSize, lastPage, transaction }: LmdbMeta, isDeep: boolean) {
    this.#fd = fd
    this.#transaction = transaction
    this.#isDeep = isDeep
    this.#pageSize = pageSize
    this.#body = pageSize - HEADER_BYTES
    // Its last pages may be missing without damage, as long as they are free ones.
    this.#lastPage = Math.min(lastPage, Math.floor(fstatSync(fd).size / pageSize) - 1)
    this.#used = new Uint8Array((this.#lastPage >>> 3) + 1)
  }

  tree({ root, depth }: LmdbTree, isFree: boolean): string | undefined {
    this.#isFree = isFree
    return depth === 0 ? undefined : this.#page(root, depth - 1)
  }

  /** A page of a tree and all below it; `level` 0: a leaf. */
  #page(number: number, level: number): string | undefined {
    const what = `page ${number} of its index`
    if (!this.#use(number, 1)) return `${what} is beyond its end, or used twice`
    this.#buffers[level] ??= new Uint8Array(this.#pageSize)
    const page = this.#buffers[level]
    if (readSync(this.#fd, page, 0, this.#pageSize, number * this.#pageSize) !== this.#pageSize)
      return `${what} is cut short`
    const isLeaf = level === 0
    if (!this.#isPage(page, number, isLeaf ? LEAF : BRANCH)) return `${what} is not a ${isLeaf ? 'leaf' : 'branch'}`
    const lower = getU16(page, LOWER)
    const upper = getU16(page, UPPER)
    if (lower === 0 || lower % 2 !== 0 || lower > upper || upper > this.#body) return `${what} has no sound header`
    let nodeBytes = 0
    for (let i = 0; i < lower; i += 2) {
      const at = getU16(page, HEADER_BYTES + i)
      const size = at < upper || at + NODE_BYTES > this.#body ? 0 : this.#node(page, HEADER_BYTES + at, isLeaf)
      if (size === 0 || at + size > this.#body) return `${what} has no sound node ${i / 2}`
      nodeBytes += size + (size % 2)
      const flaw = isLeaf ? undefined : this.#page(childOf(page, HEADER_BYTES + at), level - 1)
      if (flaw !== undefined) return flaw
    }
    return nodeBytes === this.#body - upper ? undefined : `${what} has nodes that overlap`
  }

  /** The bytes of a node; 0: it cannot be one. */
  #node(page: Uint8Array, at: number, isLeaf: boolean): number {
    const keySize = getU16(page, at + KEY_SIZE)
    if (!isLeaf) return NODE_BYTES + keySize
    // Those of free pages, transactions, have as many.
    if (keySize !== KEY_BYTES) return 0
    const valueSize = getU32(page, at)
    const flags = getU16(page, at + NODE_FLAGS)
    const big = at + NODE_BYTES + keySize
    if (flags === 0) return this.#isList(page, big, valueSize) ? NODE_BYTES + keySize + valueSize : 0
    if (flags !== IS_BIG || big + BIG_BYTES > this.#pageSize) return 0
    const first = getSafe(page, big)
    const pages = getSafe(page, big + BIG_PAGES)
    // It may once have held a longer one.
    const isSound = pages * this.#pageSize >= HEADER_BYTES + valueSize && this.#use(first, pages)
    return isSound && this.#isLarge(first, pages) && this.#isBigList(first, valueSize)
      ? NODE_BYTES + keySize + BIG_BYTES
      : 0
  }

  /** LMDB takes a page of a later transaction for one that it may write to. */
  #isPage(header: Uint8Array, number: number, kind: number): boolean {
    const writtenBy = getSafe(header, WRITTEN_BY)
    if (!(writtenBy >= 0 && writtenBy <= this.#transaction)) return false
    return getSafe(header, 0) === number && getU16(header, FLAGS) === kind
  }

  #isLarge(first: number, pages: number): boolean {
    if (!this.#isDeep) return true
    const header = this.#header
    if (readSync(this.#fd, header, 0, HEADER_BYTES, first * this.#pageSize) !== HEADER_BYTES) return false
    return this.#isPage(header, first, LARGE) && getU32(header, PAGES) === pages
  }

  /** Where that is what values are: whether one is as long as its first number says. */
  #isList(bytes: Uint8Array, at: number, size: number): boolean {
    if (!this.#isFree) return true
    if (size < ENTRY_BYTES || at + ENTRY_BYTES > bytes.length) return false
    const count = getSafe(bytes, at)
    return count >= 0 && (count + 1) * ENTRY_BYTES <= size
  }

  #isBigList(first: number, size: number): boolean {
    if (!this.#isFree) return true
    const count = new Uint8Array(ENTRY_BYTES)
    const at = first * this.#pageSize + HEADER_BYTES
    return readSync(this.#fd, count, 0, ENTRY_BYTES, at) === ENTRY_BYTES && this.#isList(count, 0, size)
  }

  /** False: they are not all there, or one of them is used already. */
  #use(first: number, pages: number): boolean {
    if (!(first >= FIRST_PAGE && first + pages - 1 <= this.#lastPage)) return false
    for (let number = first; number < first + pages; number++) {
      const bit = 1 << (number & 7)
      if ((this.#used[number >>> 3]! & bit) !== 0) return false
      this.#used[number >>> 3]! |= bit
    }
    return true
  }
}

function childOf(page: Uint8Array, at: number): number {
  return getU32(page, at) + getU16(page, at + NODE_FLAGS) * 2 ** 32
}
