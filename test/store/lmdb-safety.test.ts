import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { headKey, identityKey, KEY_BYTES, recordKey } from '../../src/store/log-keys.js'
import { encodeIdentity, STORE_FORMAT } from '../../src/store/store-identity.js'
import { editRaw, flipBit } from './support/raw-environment.js'
import { accepted, head, range } from './support/records.js'
import { VOTER } from './support/workload.js'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lmdb-safety-'))
  path = join(directory, 'log')
})
afterEach(() => rmSync(directory, { recursive: true }))

const open = (voterId = VOTER) => new LmdbLogStore({ path, voterId })
const key = () => new Uint8Array(KEY_BYTES)
const code = (code: string) => expect.objectContaining({ code, path })
const script = (url: string) => fileURLToPath(new URL(url, import.meta.url))
const one = { group: 0, records: [accepted(1)], head: head({ promised: 65537, lastAccepted: 1 }) }

function written(): void {
  const store = open()
  store.create([0, 1])
  store.commit([one])
  store.close()
}

describe('identity', () => {
  test('another voter is refused, and nothing is written', () => {
    written()
    const before = readFileSync(join(path, 'data.mdb'))
    expect(() => open('ffffffffffffffff')).toThrow(code('STORE_FOREIGN'))
    expect(Buffer.compare(readFileSync(join(path, 'data.mdb')), before)).toBe(0)
    open().close()
  })

  test('a newer format is refused, and nothing is written', () => {
    written()
    const newer = encodeIdentity({ format: STORE_FORMAT + 1, voterId: VOTER, groups: [0] })
    editRaw(path, ({ put }) => {
      put(identityKey(key(), 0), newer)
      put(identityKey(key(), 1), newer)
    })
    const before = readFileSync(join(path, 'data.mdb'))
    expect(() => open()).toThrow(code('FORMAT_UNKNOWN'))
    expect(Buffer.compare(readFileSync(join(path, 'data.mdb')), before)).toBe(0)
  })

  test('one copy of it is enough, and the other is healed; without both the store is damaged', () => {
    written()
    flipBit(path, identityKey(key(), 0), 77)
    open().close()
    flipBit(path, identityKey(key(), 1), 99)
    const store = open()
    expect(store.groups).toEqual([0, 1])
    store.close()
    flipBit(path, identityKey(key(), 0), 77)
    flipBit(path, identityKey(key(), 1), 99)
    expect(() => open()).toThrow(code('STORE_DAMAGED'))
  })

  test('a store whose data file has gone is not born again over what is left', () => {
    written()
    rmSync(join(path, 'data.mdb'))
    expect(() => open()).toThrow(code('STORAGE_FAILED'))
  })

  test('a birth that was cut off leaves no trace', () => {
    mkdirSync(`${path}.new`)
    writeFileSync(join(`${path}.new`, 'data.mdb'), Buffer.alloc(4096, 1))
    written()
    expect(() => statSync(`${path}.new`)).toThrow(/ENOENT/)
  })
})

describe('damage', () => {
  test('each copy of a head serves alone, and the next commit heals the other', () => {
    for (const copy of [0, 1] as const) {
      written()
      flipBit(path, headKey(key(), 0, copy), 130)
      const store = open()
      expect(store.load(0)?.tail).toHaveLength(1)
      store.commit([{ ...one, records: [] }])
      store.close()
      flipBit(path, headKey(key(), 0, copy === 0 ? 1 : 0), 130)
      const again = open()
      expect(again.load(0)?.tail).toHaveLength(1)
      again.close()
      rmSync(path, { recursive: true })
    }
  })

  test('two copies that differ: one is of an earlier commit, and nobody knows which', () => {
    written()
    let old: Uint8Array = new Uint8Array()
    editRaw(path, ({ get }) => {
      old = get(headKey(key(), 0, 0))
    })
    const store = open()
    store.load(0)
    store.commit([{ group: 0, records: [], head: head({ promised: 131073, lastAccepted: 1 }) }])
    store.close()
    editRaw(path, ({ put }) => put(headKey(key(), 0, 0), old))
    const again = open()
    expect(() => again.load(0)).toThrow(code('GROUP_DAMAGED'))
    expect(again.load(1)?.tail).toEqual([])
    again.close()
  })

  test('a tail record of an earlier ballot, whole in itself, is not the one that was acknowledged', () => {
    written()
    let old: Uint8Array = new Uint8Array()
    editRaw(path, ({ get }) => {
      old = get(recordKey(key(), 0, 1))
    })
    const store = open()
    store.load(0)
    const to = head({ promised: 131073, lastAccepted: 1 })
    store.commit([{ group: 0, records: [accepted(1, 131073)], head: to }])
    store.close()
    editRaw(path, ({ put }) => put(recordKey(key(), 0, 1), old))
    const again = open()
    expect(() => again.load(0)).toThrow(/not the ones that its head was written for/)
    again.close()
  })

  test('a head moved from another group is noticed', () => {
    written()
    editRaw(path, ({ get, put }) => {
      for (const copy of [0, 1] as const) put(headKey(key(), 1, copy), get(headKey(key(), 0, copy)))
    })
    const store = open()
    expect(() => store.load(1)).toThrow(/misplaced/)
    store.close()
  })

  test('the copies of a head never share a page, however small the store is', () => {
    const group = 0x1234
    const store = open()
    store.create([group])
    store.commit([{ ...one, group }])
    store.close()
    const file = readFileSync(join(path, 'data.mdb'))
    const pagesOf = (mark: Buffer) => {
      const pages: number[] = []
      for (let at = file.indexOf(mark); at >= 0; at = file.indexOf(mark, at + 1)) pages.push(Math.floor(at / 4096))
      return pages
    }
    const [first = [], second = []] = ([0, 1] as const).map((copy) => pagesOf(Buffer.from(headKey(key(), group, copy))))
    expect(Math.min(first.length, second.length)).toBeGreaterThan(0)
    expect(first.filter((page) => second.includes(page))).toEqual([])
  })
})

describe('a file that LMDB would crash over, or silently go back with', () => {
  const damages: [string, (file: Buffer) => Buffer][] = [
    ['is empty', () => Buffer.of()],
    ['is something else', () => Buffer.alloc(8192, 7)],
    ['is all zeros', () => Buffer.alloc(8192)],
    ['is one page', (file) => file.subarray(0, 4096)],
    ['has lost its first meta page', (file) => file.fill(0, 0, 4096)],
    ['has lost its second meta page', (file) => file.fill(0, 4096, 8192)],
    ['has a first meta page of another commit', (file) => file.fill(file.readUInt8(152) ^ 64, 152, 153)],
    ['has a second meta page of another commit', (file) => file.fill(file.readUInt8(4096 + 152) ^ 64, 4248, 4249)],
    ['claims to be huge', (file) => file.fill(0x7f, 144, 151)],
  ]
  test.each(damages)('%s', (_name, damage) => {
    written()
    const file = join(path, 'data.mdb')
    writeFileSync(file, damage(readFileSync(file)))
    expect(() => open()).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }))
  })

  test('has lost its end: every group that lost something says so', () => {
    const store = open()
    store.create([0])
    const records = range(1, 400).map((instance) => accepted(instance, 65537, 500))
    store.commit([{ group: 0, records, head: head({ promised: 65537, lastAccepted: 400 }) }])
    store.close()
    const file = join(path, 'data.mdb')
    const whole = readFileSync(file)
    // Behind the last page in use there is only what was reserved.
    const used = whole.findLastIndex((byte) => byte !== 0)
    for (const keep of [0.2, 0.5, 0.9]) {
      writeFileSync(file, whole.subarray(0, Math.floor((used * keep) / 4096) * 4096))
      expect(() => {
        const again = open()
        try {
          again.load(0)
        } finally {
          again.close()
        }
      }).toThrow(/damaged|damage/)
    }
  })
})

describe('one owner', () => {
  test('whoever opens a store last owns it: the one before cannot commit any more', () => {
    const first = open()
    first.create([0])
    first.commit([one])
    const second = open()
    expect(() => first.commit([{ ...one, records: [] }])).toThrow(code('DATA_DIR_IN_USE'))
    expect(() => first.load(0)).toThrow(code('DATA_DIR_IN_USE'))
    expect(second.load(0)?.tail).toHaveLength(1)
    second.commit([{ ...one, records: [] }])
    first.close()
    second.commit([{ ...one, records: [] }])
    second.close()
  })
})

describe('threads', () => {
  test('one that never returns to its event loop sees its own writes, and keeps nothing of what it read', async () => {
    const worker = new Worker(script('./support/endless-thread.js'), { workerData: { path, rounds: 400 } })
    const seen = await new Promise<{ missed: number; grown: number }>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    expect(seen.missed).toBe(0)
    // 40,000 reads; a timer for each would be 6 MB.
    expect(seen.grown).toBeLessThan(1_500_000)
  })

  test('the gate is told of every native transaction, and what it throws passes through harmlessly', () => {
    const told: string[] = []
    let closed = false
    const gate = {
      beginCommit() {
        if (closed) throw new Error('condemned')
        told.push('begin')
      },
      endCommit: () => void told.push('end'),
    }
    const store = new LmdbLogStore({
      path,
      voterId: VOTER,
      gate,
      hooks: { afterFlush: () => void told.push('flushed') },
    })
    store.create([0])
    told.length = 0
    store.commit([one])
    expect(told).toEqual(['begin', 'end', 'flushed'])
    store.read(0, 1, 1, 1)
    expect(told).toEqual(['begin', 'end', 'flushed', 'begin', 'end'])
    closed = true
    expect(() => store.read(0, 1, 1, 1)).toThrow('condemned')
    closed = false
    expect(store.read(0, 1, 1, 1)).toHaveLength(1)
    store.close()
  })
})

test('the file stops growing once the log is trimmed as fast as it is written', () => {
  const store = new LmdbLogStore({ path, voterId: VOTER, unsafeOverrides: { noSync: true } })
  store.create([0])
  const size = () => statSync(join(path, 'data.mdb')).size
  let settled = 0
  for (let i = 0; i < 600; i++) {
    const records = range(i * 10 + 1, i * 10 + 10).map((instance) => accepted(instance, 65537, 500))
    const to = head({ promised: 65537, chosenUpTo: i * 10 + 10, firstKept: Math.max(1, i * 10 - 300) })
    store.commit([{ group: 0, records, head: to }])
    store.read(0, i * 10 + 1, i * 10 + 10, 5000)
    if (i === 200) settled = size()
  }
  expect(size()).toBeLessThan(settled * 1.3)
  store.close()
})
