import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Random } from '../../src/base/random.js'
import { LmdbEnvironment } from '../../src/store/lmdb-environment.js'
import { checkLmdbFile, lmdbFileFlaw } from '../../src/store/lmdb-file-check.js'
import { KEY_BYTES, recordKey } from '../../src/store/log-keys.js'
import { lmdbPlaces } from '../cluster/lmdb-places.js'

const PAGE_BYTES = 4096
const HEADER_BYTES = 24
const FLAGS = 18
const LEAF = 2
const FREE_ROOT = 88
const TRANSACTION = 152

let directory: string
let file: string
let sound: Buffer
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'shardpaxos-index-'))
  file = join(directory, 'data.mdb')
  const env = new LmdbEnvironment({ path: directory })
  for (const commit of commits(new Random(5), 20)) env.write(400_000, 50, () => commit(env))
  env.close()
  sound = readFileSync(file)
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Puts of small and large values over one another, and removals, so that pages become free and are used again. */
function* commits(random: Random, count: number): Generator<(env: LmdbEnvironment) => void> {
  const key = new Uint8Array(KEY_BYTES)
  const keys = random.between(50, 3_000)
  const anyKey = () => recordKey(key, random.below(3), 1 + random.below(keys))
  const bytes = () => (random.chance(0.1) ? 3_000 + random.below(17_000) : 1 + random.below(300))
  for (let i = 0; i < count; i++) {
    yield (env) => {
      for (let k = random.below(40); k >= 0; k--) env.put(anyKey(), new Uint8Array(bytes()).fill(i))
      for (let k = random.below(random.chance(0.1) ? 200 : 10); k > 0; k--) env.remove(anyKey())
    }
  }
}

function flawWith(change: (data: Buffer) => void): string | undefined {
  const data = Buffer.from(sound)
  change(data)
  writeFileSync(file, data)
  return lmdbFileFlaw(file)
}

test('what LMDB has written is sound', () => {
  writeFileSync(file, sound)
  expect(lmdbFileFlaw(file)).toBeUndefined()
  expect(() => checkLmdbFile(file)).not.toThrow()
})

test('what LMDB has written is sound after each of many commits, whatever they hold, and over reopening', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const path = join(directory, `seed-${seed}`)
    let env = new LmdbEnvironment({ path })
    for (const [i, commit] of [...commits(new Random(seed), 60)].entries()) {
      env.write(4_000_000, 300, () => commit(env))
      const flaw = lmdbFileFlaw(join(path, 'data.mdb'))
      if (flaw !== undefined) throw new Error(`seed ${seed}, commit ${i}: ${flaw}`)
      if (i % 20 !== 19) continue
      env.close()
      env = new LmdbEnvironment({ path })
    }
    env.close()
  }
}, 60_000)

test('no bit of what leads LMDB through a page can flip unseen', () => {
  writeFileSync(file, sound)
  const { index } = lmdbPlaces(file)
  const random = new Random(7)
  const unseen: string[] = []
  let flipped = 0
  const flip = (at: number, lowest = 0) => {
    flipped++
    const mask = 1 << (lowest + random.below(8 - lowest))
    const flaw = flawWith((data) => {
      data[at] = data[at]! ^ mask
    })
    if (flaw === undefined) unseen.push(`byte ${at % PAGE_BYTES} of page ${Math.floor(at / PAGE_BYTES)} ^ ${mask}`)
  }
  for (const { at, bytes } of index) {
    const inPage = at % PAGE_BYTES
    const isLeaf = sound.readUInt16LE(at - inPage + FLAGS) === LEAF
    // A header: the page's number, its flags, and the list of its nodes; the transaction leads nowhere.
    if (inPage === 0) for (let i = 0; i < bytes; i++) if (i < 8 || i >= FLAGS) flip(at + i)
    // A node of a leaf: sizes and flags, but for the size of a large value, whose pages may have room for a longer one.
    // (That of a branch names a child, which may be an older page of the same place.)
    if (inPage === 0 || bytes <= 8 || !isLeaf) continue
    // Nodes are of even length: an odd value has room for a byte more.
    for (let i = sound.readUInt16LE(at + 4) === 1 ? 4 : 0; i < 8; i++) flip(at + i, i === 0 ? 1 : 0)
  }
  expect(flipped).toBeGreaterThan(1_000)
  expect(unseen).toEqual([])
})

test('a page that seems to be of a later transaction, a large value included, shows', () => {
  writeFileSync(file, sound)
  const { index } = lmdbPlaces(file)
  const newest = Math.max(...[0, PAGE_BYTES].map((meta) => sound.readUInt32LE(meta + TRANSACTION)))
  const headers = index.filter(({ at }) => at % PAGE_BYTES === 0)
  expect(new Set(headers.map(({ at }) => sound.readUInt16LE(at + FLAGS)))).toEqual(new Set([1, 2, 4]))
  for (const { at } of headers) {
    expect(flawWith((data) => data.writeUInt32LE(newest, at + 8))).toBeUndefined()
    expect(flawWith((data) => data.writeUInt32LE(newest + 1, at + 8))).toBeDefined()
  }
})

test('a child that is no page of the next level, or is used twice, shows', () => {
  writeFileSync(file, sound)
  const { index } = lmdbPlaces(file)
  const [one, other] = index.filter(
    ({ at, bytes }) => at % PAGE_BYTES > 0 && bytes >= 8 && sound.readUInt16LE(at - (at % PAGE_BYTES) + FLAGS) === 1,
  )
  for (const child of [0, 1, 2 ** 31, Math.floor(one!.at / PAGE_BYTES), sound.readUInt32LE(other!.at)]) {
    expect(flawWith((data) => data.writeUInt32LE(child, one!.at))).toMatch(/page \d+ of its index/)
  }
})

test('a list of free pages that is longer than its value shows', () => {
  const newest = sound.readBigUInt64LE(TRANSACTION) > sound.readBigUInt64LE(PAGE_BYTES + TRANSACTION) ? 0 : PAGE_BYTES
  const page = Number(sound.readBigUInt64LE(newest + FREE_ROOT)) * PAGE_BYTES
  expect(sound.readUInt16LE(page + FLAGS)).toBe(LEAF)
  const node = page + HEADER_BYTES + sound.readUInt16LE(page + HEADER_BYTES)
  const list = node + 8 + sound.readUInt16LE(node + 6)
  expect(flawWith((data) => data.writeUInt32LE(data.readUInt32LE(list) + 1_000, list))).toMatch(/no sound node/)
})
