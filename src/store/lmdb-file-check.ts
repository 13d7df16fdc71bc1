import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { getSafe, getU16, getU32 } from '../codec/little-endian.js'
import { type LmdbMeta, lmdbIndexFlaw } from './lmdb-index-check.js'
import { StoreError } from './store-error.js'

// The two meta pages at the start of an LMDB file: a page header of 24 bytes, then (offsets in the page):
const FLAGS = 18
const MAGIC = 24
const PAGE_SIZE = 48
// Of the two trees, the one of free pages and that of everything else: how deep they are, and their roots.
const FREE = { depth: 54, root: 88 }
const MAIN = { depth: 102, root: 136 }
const LAST_PAGE = 144
const TRANSACTION = 152
const META_BYTES = 160

const LMDB_MAGIC = 0xbeefc0de
const IS_META = 8

/**
 * Looks at the file of an environment before LMDB does, which for a damaged one would crash the process, or worse:
 *
 * - LMDB takes the newer of the meta pages that it can read. If the newest is damaged it silently goes back by a commit,
 *   and an acknowledged vote is gone. But the two always come from consecutive commits: if they do not, one is damaged.
 *   (A power cut cannot do that: a meta page is smaller than a sector.)
 * - A page past the end of the file kills the process when it is touched. A file may be short without damage, if its last
 *   pages are free ones, so it is made as long as it says.
 * - What LMDB finds in its pages it follows, out of the page and into the memory of the process (lmdb-index-check.ts).
 */
export function checkLmdbFile(path: string): void {
  const fd = openSync(path, 'r+')
  try {
    const metas = readMetas(fd)
    if (typeof metas === 'string') throw damaged(path, metas)
    const flaw = indexFlaw(fd, metas, false)
    if (flaw !== undefined) throw damaged(path, flaw)
    const bytes = bytesOf(metas)
    if (fstatSync(fd).size < bytes) extend(fd, bytes, path)
  } finally {
    closeSync(fd)
  }
}

/** The same look, and a deeper one, at a file that nobody has open, and that stays as it is: what is wrong with it, or undefined. */
export function lmdbFileFlaw(path: string): string | undefined {
  const fd = openSync(path, 'r')
  try {
    const metas = readMetas(fd)
    return typeof metas === 'string' ? metas : indexFlaw(fd, metas, true)
  } finally {
    closeSync(fd)
  }
}

/** The two of a file, or what is wrong with them. */
function readMetas(fd: number): readonly [LmdbMeta, LmdbMeta] | string {
  const first = readMeta(fd, 0)
  const second = first === undefined ? undefined : readMeta(fd, first.pageSize)
  if (first === undefined || second === undefined) return 'a meta page is not one'
  const apart = Math.abs(first.transaction - second.transaction)
  // A new environment has two of commit 0.
  if (apart > 1 || (apart === 0 && first.transaction !== 0) || first.pageSize !== second.pageSize)
    return `its meta pages are of commits ${first.transaction} and ${second.transaction}`
  return [first, second]
}

/** Of the newer of the two, which is what LMDB takes; of a new environment the first one: a failed first commit spoils the other. */
function indexFlaw(fd: number, [first, second]: readonly [LmdbMeta, LmdbMeta], isDeep: boolean): string | undefined {
  return lmdbIndexFlaw(fd, first.transaction >= second.transaction ? first : second, isDeep)
}

function extend(fd: number, bytes: number, path: string): void {
  try {
    ftruncateSync(fd, bytes)
  } catch (error) {
    // What a flipped bit asks for: no file can be so long.
    if ((error as NodeJS.ErrnoException).code === 'EFBIG') throw damaged(path, `it says that it has ${bytes} bytes`)
    throw error
  }
  fsyncSync(fd)
}

/** How long the file has to be. */
function bytesOf([first, second]: readonly [LmdbMeta, LmdbMeta]): number {
  return (Math.max(first.lastPage, second.lastPage) + 1) * first.pageSize
}

/** The meta page at a place in the file; undefined if it is none. */
function readMeta(fd: number, at: number): LmdbMeta | undefined {
  const page = new Uint8Array(META_BYTES)
  if (readSync(fd, page, 0, META_BYTES, at) !== META_BYTES) return undefined
  const pageSize = getU32(page, PAGE_SIZE)
  const isPowerOfTwo = pageSize >= 256 && pageSize <= 65536 && (pageSize & (pageSize - 1)) === 0
  const lastPage = getSafe(page, LAST_PAGE)
  const transaction = getSafe(page, TRANSACTION)
  if (getU32(page, MAGIC) !== LMDB_MAGIC || (getU16(page, FLAGS) & IS_META) === 0 || !isPowerOfTwo) return undefined
  // No file reaches 2^40 pages: a flipped bit there must not ask for the space.
  if (lastPage < 1 || lastPage > 2 ** 40 || transaction < 0) return undefined
  const tree = ({ depth, root }: typeof MAIN) => ({ depth: getU16(page, depth), root: getSafe(page, root) })
  return { pageSize, lastPage, transaction, free: tree(FREE), main: tree(MAIN) }
}

function damaged(path: string, what: string): StoreError {
  const todo = 'Set the store aside; its groups then join again from their peers.'
  return new StoreError('STORE_DAMAGED', `${path} is damaged: ${what}. ${todo}`, { path })
}
