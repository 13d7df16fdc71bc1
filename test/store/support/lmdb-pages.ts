import { readFileSync } from 'node:fs'

const PAGE = 4096
/** Of a page: flags u16, number of keys or of overflow pages. Of a meta page: the roots of the free list and of the data. */
const [FLAGS, COUNT, HEADER, FREE_ROOT, ROOT, TRANSACTION] = [18, 20, 24, 88, 136, 152]
const BRANCH = 1
const BIG = 1

/**
 * The pages of an LMDB file by what they are for as of the last commit: `meta`, `index` and `values` of the data, `free list`,
 * and `unused`, which hold what an earlier commit left there.
 */
export function pagesByUse(path: string): Map<string, number[]> {
  const file = readFileSync(path)
  const newest = [0, 1].reduce((a, b) =>
    file.readBigUInt64LE(a * PAGE + TRANSACTION) > file.readBigUInt64LE(b * PAGE + TRANSACTION) ? a : b,
  )
  const use = new Map<number, string>([0, 1].map((page) => [page, 'meta']))
  walk(file, pageAt(file, newest * PAGE + ROOT), (page, isValue) => use.set(page, isValue ? 'values' : 'index'))
  walk(file, pageAt(file, newest * PAGE + FREE_ROOT), (page) => use.set(page, 'free list'))
  const pages = new Map<string, number[]>()
  for (let page = 0; page < file.length / PAGE; page++) {
    const name = use.get(page) ?? 'unused'
    pages.set(name, [...(pages.get(name) ?? []), page])
  }
  return pages
}

function pageAt(file: Buffer, at: number): number {
  const page = file.readBigUInt64LE(at)
  return page > 2n ** 40n ? -1 : Number(page)
}

function walk(file: Buffer, page: number, found: (page: number, isValue: boolean) => void): void {
  if (page < 0) return
  found(page, false)
  const base = page * PAGE + HEADER
  const isBranch = (file.readUInt16LE(page * PAGE + FLAGS) & BRANCH) !== 0
  for (let i = 0; i < file.readUInt16LE(page * PAGE + COUNT); i += 2) {
    const node = base + file.readUInt16LE(base + i)
    const [low, high, flags, keyBytes] = [0, 2, 4, 6].map((at) => file.readUInt16LE(node + at)) as [
      number,
      number,
      number,
      number,
    ]
    if (isBranch) walk(file, low + high * 65536, found)
    else if ((flags & BIG) !== 0) {
      const first = pageAt(file, node + 8 + keyBytes)
      for (let n = 0; n < file.readUInt32LE(first * PAGE + COUNT); n++) found(first + n, true)
    }
  }
}
