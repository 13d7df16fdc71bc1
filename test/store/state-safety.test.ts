import { randomFillSync } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { crc32 } from '../../src/codec/crc32.js'
import { LmdbStateStore, type LmdbStateStoreOptions } from '../../src/store/lmdb-state-store.js'
import { headKey, KEY_BYTES } from '../../src/store/log-keys.js'
import { CHUNK_BYTES } from '../../src/store/state-blocks.js'
import { StateReader } from '../../src/store/state-reader.js'
import { pagesByUse } from './support/lmdb-pages.js'
import { editRaw, flipBit } from './support/raw-environment.js'
import { at, bytes, contents, entriesOf, patterned, text, write } from './support/state-values.js'
import { VOTER } from './support/workload.js'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'state-safety-'))
  path = join(directory, 'state')
})
afterEach(() => rmSync(directory, { recursive: true }))

const code = (wanted: string) => expect.objectContaining({ code: wanted, path })

function opened(options: Partial<LmdbStateStoreOptions> = {}): LmdbStateStore {
  const store = new LmdbStateStore({ path, voterId: VOTER, ...options })
  for (const group of [0, 1]) store.load(group)
  return store
}

function written(): void {
  const store = opened()
  store.commit([write(0, 1, { a: '1', b: '2' }), write(1, 1, { c: '3' })])
  store.close()
}

const many = (count: number, seed: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, text(patterned(80, i + seed)) ?? '']))

describe('whose it is', () => {
  test('the store of another voter is refused, and nothing is written', () => {
    written()
    const before = readFileSync(join(path, 'data.mdb'))
    expect(() => opened({ voterId: 'ffffffffffffffff' })).toThrow(code('STORE_FOREIGN'))
    expect(Buffer.compare(readFileSync(join(path, 'data.mdb')), before)).toBe(0)
  })

  test('so is a head of another voter', () => {
    const other = new LmdbStateStore({ path: join(directory, 'other'), voterId: 'ffffffffffffffff' })
    other.load(0)
    other.commit([write(0, 1, {})])
    other.close()
    written()
    const heads = ([0, 1] as const).map((copy) => headKey(new Uint8Array(KEY_BYTES), 0, copy))
    const found: Uint8Array[] = []
    editRaw(join(directory, 'other'), ({ get }) => found.push(...heads.map(get)))
    editRaw(path, ({ put }) => heads.forEach((key, i) => void put(key, found[i] ?? key)))
    expect(() => opened()).toThrow(code('STORE_FOREIGN'))
  })

  test('whoever opened it last owns it', () => {
    const first = opened()
    const second = opened()
    expect(() => first.commit([write(0, 1, { a: '1' })])).toThrow(code('DATA_DIR_IN_USE'))
    expect(() => first.get(0, 1, bytes('a'))).toThrow(code('DATA_DIR_IN_USE'))
    second.commit([write(0, 1, { a: '2' })])
    first.close()
    second.close()
  })
})

describe('heads', () => {
  test('the same change in both copies is noticed', () => {
    written()
    for (const copy of [0, 1] as const) flipBit(path, headKey(new Uint8Array(KEY_BYTES), 0, copy), 20 * 8)
    expect(() => opened()).toThrow(code('STATE_DAMAGED'))
  })

  test('two copies that differ, each whole in itself, are nobody knows which', () => {
    written()
    const key = headKey(new Uint8Array(KEY_BYTES), 0, 0)
    let old: Uint8Array = new Uint8Array()
    editRaw(path, ({ get }) => {
      old = get(key)
    })
    const store = opened()
    store.commit([write(0, 2, { a: '2' })])
    store.close()
    editRaw(path, ({ put }) => put(key, old))
    expect(() => opened()).toThrow(/differ/)
  })

  test('one that was moved from another group, or that has vanished, is noticed', () => {
    written()
    const key = (group: number, copy: 0 | 1) => headKey(new Uint8Array(KEY_BYTES), group, copy)
    editRaw(path, ({ get, put }) => ([0, 1] as const).forEach((copy) => void put(key(0, copy), get(key(1, copy)))))
    expect(() => opened()).toThrow(/of group 1/)
    editRaw(path, ({ remove }) => ([0, 1] as const).forEach((copy) => void remove(key(0, copy))))
    expect(() => opened()).toThrow(/missing/)
  })
})

test('the gate is told of every native transaction, and what it throws passes through harmlessly', () => {
  let depth = 0
  let told = 0
  let condemned = false
  const gate = {
    beginCommit() {
      if (condemned) throw new Error('condemned')
      depth++
      told++
    },
    endCommit: () => void depth--,
  }
  const store = opened({ gate, cacheBytes: 0 })
  const steps: [string, () => unknown][] = [
    ['load', () => store.load(0)],
    ['commit', () => store.commit([write(0, 1, { ...many(200, 0), a: '1' })])],
    ['get', () => store.get(0, 1, bytes('k1'))],
    ['range', () => [...store.range(0, 1, bytes(''))]],
    ['scrub', () => store.scrub(0, undefined, 1e9)],
    ['load in place', () => store.beginLoad(1).finish(at(1))],
    ['drop', () => store.drop(1)],
    ['collect', () => store.collect(1e9)],
    ['reader', () => StateReader.open(path, gate).close()],
  ]
  for (const [name, step] of steps) {
    told = 0
    step()
    expect([name, told > 0, depth]).toEqual([name, true, 0])
  }
  condemned = true
  for (const [, step] of steps.slice(1, 5)) expect(step).toThrow('condemned')
  condemned = false
  expect(text(store.get(0, 1, bytes('a')))).toBe('1')
  store.commit([write(0, 2, { a: '2' })])
  store.close()
})

test('a value of 64 MB, and one byte more is refused', () => {
  const store = opened({ unsafeOverrides: { noSync: true } })
  const value = randomFillSync(Buffer.alloc(64 * 1024 * 1024))
  const commit = (given: Uint8Array, position: number) =>
    store.commit([{ group: 0, position: at(position), changes: new Map([[1, [{ key: bytes('k'), value: given }]]]) }])
  commit(value, 1)
  expect(crc32(store.get(0, 1, bytes('k')) ?? bytes(''))).toBe(crc32(value))
  expect(() => commit(new Uint8Array(value.length + 1), 2)).toThrow(/too large/)
  commit(bytes('small'), 2)
  expect(text(store.get(0, 1, bytes('k')))).toBe('small')
  // Its pages are used again, from the second commit after this one on.
  const size = statSync(join(path, 'data.mdb')).size
  commit(bytes('small'), 3)
  commit(value, 4)
  expect(statSync(join(path, 'data.mdb')).size).toBeLessThan(size * 1.1)
  store.close()
})

test('the parts of a large value fill their pages', () => {
  const store = opened()
  store.commit([
    {
      group: 0,
      position: at(1),
      changes: new Map([[1, [{ key: bytes('k'), value: patterned(50 * CHUNK_BYTES, 1) }]]]),
    },
  ])
  store.close()
  // 50 times four, and one for the leaf.
  expect(pagesByUse(join(path, 'data.mdb')).get('values')?.length).toBeGreaterThanOrEqual(200)
  expect(pagesByUse(join(path, 'data.mdb')).get('values')?.length).toBeLessThanOrEqual(202)
})

describe('a crash', () => {
  const before = many(300, 1)
  const after = many(2000, 5)

  /** What a process finds that starts after the store was killed at this moment. */
  function found(): { position: number | undefined; content: Record<string, string> } {
    const copy = join(directory, 'copy')
    rmSync(copy, { recursive: true, force: true })
    mkdirSync(copy)
    copyFileSync(join(path, 'data.mdb'), join(copy, 'data.mdb'))
    const store = new LmdbStateStore({ path: copy, voterId: VOTER })
    const position = store.load(0)?.executedUpTo
    const content = contents(store, 0)
    while (store.collect(50_000)) expect(contents(store, 0)).toEqual(content)
    // Whatever was left of the load, the next one succeeds.
    const load = store.beginLoad(0)
    load.add(1, entriesOf({ again: 'x' }))
    load.finish(at(99))
    while (store.collect(1e9));
    expect(contents(store, 0)).toEqual({ again: 'x' })
    expect(store.scrub(0, undefined, 1e9)).toBeUndefined()
    store.close()
    return { position, content }
  }

  test.each([[true], [false]])(
    'at any stage of a load leaves the old state or the new one (there was one: %s)',
    (wasThere) => {
      const store = opened()
      if (wasThere) store.commit([write(0, 5, before)])
      const old = wasThere ? { position: 5, content: before } : { position: undefined, content: {} }
      expect(found()).toEqual(old)
      const load = store.beginLoad(0)
      expect(found()).toEqual(old)
      const entries = entriesOf(after)
      for (let i = 0; i < entries.length; i += 500) {
        load.add(1, entries.slice(i, i + 500))
        store.commit([write(1, i + 1, { other: String(i) })])
        expect(found()).toEqual(old)
      }
      load.finish(at(70, 5000))
      expect(found()).toEqual({ position: 70, content: after })
      store.collect(20_000)
      expect(found()).toEqual({ position: 70, content: after })
      store.close()
    },
  )

  test('between the slices of a collection loses nothing', () => {
    const store = opened()
    store.commit([write(0, 5, many(3000, 2))])
    store.drop(0)
    expect(found()).toEqual({ position: undefined, content: {} })
    store.commit([write(0, 1, before)])
    while (store.collect(30_000)) expect(found()).toEqual({ position: 1, content: before })
    store.close()
  })
})

test('more loads are broken off than there are generations, with the garbage collected now and then', () => {
  const store = opened({ unsafeOverrides: { noSync: true } })
  store.commit([write(0, 1, { a: '1' })])
  for (let round = 0; round < 600; round++) {
    const load = store.beginLoad(0)
    load.add(1, entriesOf(many(100, round)))
    if (round % 50 === 49) {
      load.finish(at(round, 1000))
      while (store.collect(100_000));
      expect(Object.keys(contents(store, 0))).toHaveLength(100)
    } else load.abort()
  }
  store.close()
})

describe('any sequence of commits and reopening', () => {
  const name = fc.oneof(
    fc.nat(60).map((n) => `key/${n}`),
    fc.string({ maxLength: 3 }),
  )
  const value = fc.option(fc.oneof(fc.nat(40), fc.constantFrom(200, 20_000)), { nil: undefined, freq: 4 })
  const step = fc.record({
    group: fc.constantFrom(0, 1),
    edits: fc.array(fc.tuple(name, value), { maxLength: 30 }),
    next: fc.constantFrom('go on', 'go on', 'reopen', 'scrub', 'load', 'drop'),
  })

  test('leaves what a sorted map holds', () => {
    fc.assert(
      fc.property(fc.constantFrom(100, 700), fc.array(step, { maxLength: 12 }), (blockBytes, steps) => {
        rmSync(path, { recursive: true, force: true })
        const options = { blockBytes, cacheBytes: 2000, unsafeOverrides: { noSync: true } }
        let store = opened(options)
        const models: Record<string, string>[] = [{}, {}]
        let position = 0
        for (const { group, edits, next } of steps) {
          const model = models[group] ?? {}
          const changes = Object.fromEntries(
            edits.map(([key, length]) => [
              latin(key),
              length === undefined ? undefined : text(patterned(length, position)),
            ]),
          )
          for (const [key, to] of Object.entries(changes)) {
            if (to === undefined) delete model[key]
            else model[key] = to
          }
          store.commit([write(group, ++position, changes)])
          if (next === 'reopen') {
            store.close()
            store = opened(options)
          } else if (next === 'scrub') expect(store.scrub(group, undefined, 1e9)).toBeUndefined()
          else if (next === 'load') {
            const load = store.beginLoad(group)
            load.add(1, entriesOf(model))
            load.finish(at(++position))
          } else if (next === 'drop') {
            store.drop(group)
            models[group] = {}
          }
          for (const one of [0, 1]) expect(contents(store, one)).toEqual(models[one])
        }
        store.close()
      }),
      { numRuns: 60 },
    )
  }, 120_000)

  const latin = (key: string) => Buffer.from(key, 'latin1').toString('latin1')
})

test('a store whose end is missing says so, or has all of it', () => {
  const store = opened()
  const content = many(2000, 3)
  store.commit([write(0, 1, content)])
  store.close()
  const file = join(path, 'data.mdb')
  const whole = readFileSync(file)
  for (const keep of [0.2, 0.5, 0.8, 0.95]) {
    writeFileSync(file, whole.subarray(0, Math.floor((whole.length * keep) / 4096) * 4096))
    expect(() => {
      const again = opened()
      try {
        expect(contents(again, 0)).toEqual(content)
      } finally {
        again.close()
      }
    }).toThrow(/damage/)
  }
  // As large as no file can be: a meta page says so.
  whole.fill(0xff, 144, 149)
  whole.fill(0x00, 149, 152)
  writeFileSync(file, whole)
  expect(() => opened()).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }))
})
