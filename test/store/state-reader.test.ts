import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { LmdbStateStore } from '../../src/store/lmdb-state-store.js'
import { headKey, KEY_BYTES } from '../../src/store/log-keys.js'
import { StateReader } from '../../src/store/state-reader.js'
import { editRaw, flipBit, flipWhere } from './support/raw-environment.js'
import { at, bytes, contents, entriesOf, patterned, text, write } from './support/state-values.js'
import { VOTER } from './support/workload.js'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'state-reader-'))
  path = join(directory, 'state')
})
afterEach(() => rmSync(directory, { recursive: true }))

const opened = (unsafe = false) => {
  const store = new LmdbStateStore({ path, voterId: VOTER, ...(unsafe ? { unsafeOverrides: { noSync: true } } : {}) })
  for (const group of [0, 1, 2]) store.load(group)
  return store
}

const many = (count: number, seed: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`k${String(i).padStart(4, '0')}`, text(patterned(50, i + seed)) ?? '']),
  )

/** A reader in a thread of its own, which reads when `proceed` is called. */
async function readerThread(): Promise<{ proceed(): Promise<unknown>; terminate(): Promise<unknown> }> {
  const told = new Int32Array(new SharedArrayBuffer(4))
  const script = fileURLToPath(new URL('./support/read-state.js', import.meta.url))
  const worker = new Worker(script, { workerData: { path, told } })
  const next = () =>
    new Promise<unknown>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  expect(await next()).toBe('opened')
  return {
    terminate: () => worker.terminate(),
    async proceed() {
      const answer = next()
      const exit = new Promise((resolve) => worker.once('exit', resolve))
      Atomics.store(told, 0, 1)
      Atomics.notify(told, 0)
      const read = await answer
      expect(await exit).toBe(0)
      return read
    },
  }
}

test('another thread reads one moment of all groups, while their owner goes on', async () => {
  const store = opened()
  const first = many(2000, 0)
  store.commit([
    { ...write(0, 5, first, 3), position: at(5, 20_000) },
    write(1, 9, { a: '1', big: text(patterned(100_000, 3)) }, 65535),
  ])
  store.commit([write(0, 6, { x: '' }, 256)])
  const reader = await readerThread()
  for (let i = 0; i < 30; i++) store.commit([write(0, 7 + i, many(2000, 1 + i), 3), write(2, i, { c: String(i) })])
  store.drop(1)
  while (store.collect(1e6));
  const [of0, of1, of2] = (await reader.proceed()) as unknown[]
  expect(of0).toEqual({
    position: at(6),
    machines: [
      { machine: 3, entries: Object.entries(first) },
      { machine: 256, entries: [['x', '']] },
    ],
  })
  expect(of1).toEqual({
    position: at(9),
    machines: [
      {
        machine: 65535,
        entries: [
          ['a', '1'],
          ['big', text(patterned(100_000, 3))],
        ],
      },
    ],
  })
  expect(of2).toEqual({ position: undefined, machines: [] })
  expect(contents(store, 0, 3)).toEqual(many(2000, 30))
  store.commit([write(0, 40, { y: '' })])
  store.close()
  expect(opened().load(0)?.executedUpTo).toBe(40)
})

test('a built-in state that lies in blocks of its own comes whole', () => {
  const store = opened()
  store.commit([{ ...write(0, 5, {}), position: at(5, 40_000) }])
  const reader = StateReader.open(path)
  expect(reader.position(0)).toEqual(at(5, 40_000))
  reader.close()
  reader.close()
  expect(() => reader.position(1)).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
  store.close()
})

test('what is freed while a reader is open is used again when it has gone', () => {
  const store = opened(true)
  const size = () => statSync(join(path, 'data.mdb')).size
  let position = 0
  const commits = (count: number) => {
    for (let i = 0; i < count; i++) store.commit([write(0, ++position, many(2000, i))])
  }
  commits(20)
  const before = size()
  const reader = StateReader.open(path)
  commits(20)
  const during = size()
  expect(during).toBeGreaterThan(before * 3)
  expect([...reader.entries(0, 1)].map(({ key }) => text(key))).toEqual(Object.keys(many(2000, 0)))
  reader.close()
  commits(20)
  expect(size()).toBe(during)
  store.close()
})

test('a reader whose thread is terminated keeps nothing', async () => {
  const store = opened(true)
  const size = () => statSync(join(path, 'data.mdb')).size
  let position = 0
  const commits = (count: number) => {
    for (let i = 0; i < count; i++) store.commit([write(0, ++position, many(500, i))])
  }
  commits(10)
  for (let round = 0; round < 3; round++) {
    const reader = await readerThread()
    commits(10)
    const during = size()
    await reader.terminate()
    commits(10)
    expect(size()).toBe(during)
  }
  store.close()
})

test('a load under way is not seen, a finished one is', () => {
  const store = opened()
  store.commit([write(0, 5, { a: 'old' })])
  const load = store.beginLoad(0)
  load.add(1, entriesOf({ a: 'new' }))
  const [before, after] = [StateReader.open(path), () => StateReader.open(path)]
  load.finish(at(8))
  const later = after()
  const values = [before, later].map((reader) => [...reader.entries(0, 1)].map(({ value }) => text(value)))
  expect(values).toEqual([['old'], ['new']])
  before.close()
  later.close()
  store.close()
})

test('damage is told: of an entry, of a head, and of one that was lost', () => {
  const store = opened()
  store.commit([write(0, 5, { ...many(500, 0), n: 'the needle' }), write(1, 3, { a: '1' }), write(2, 3, { a: '1' })])
  store.close()
  flipWhere(path, bytes('the needle'))
  for (const copy of [0, 1] as const) {
    flipBit(path, headKey(new Uint8Array(KEY_BYTES), 1, copy), 300)
    editRaw(path, ({ remove }) => remove(headKey(new Uint8Array(KEY_BYTES), 2, copy)))
  }
  const owner = new LmdbStateStore({ path, voterId: VOTER })
  const reader = StateReader.open(path)
  expect(reader.position(0)?.executedUpTo).toBe(5)
  const damaged = (group: number) => expect.objectContaining({ code: 'STATE_DAMAGED', group })
  expect(() => [...reader.entries(0, 1)]).toThrow(damaged(0))
  expect(() => reader.position(1)).toThrow(damaged(1))
  expect(() => [...reader.entries(2, 1)]).toThrow(damaged(2))
  reader.close()
  owner.close()
})

test('a store that is not there is not made', () => {
  expect(() => StateReader.open(path)).toThrow(/has to be opened first/)
})
