import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { JournalFile } from '../../src/store/journal-file.js'
import { decodePosition, encodePosition } from '../../src/store/journal-position.js'
import { LmdbLogStore, type LmdbLogStoreOptions } from '../../src/store/lmdb-log-store.js'
import { LmdbReadOnly } from '../../src/store/lmdb-read-only.js'
import { journalKey, KEY_BYTES } from '../../src/store/log-keys.js'
import { headCopyOf } from '../../src/store/log-records.js'
import { HostedStore } from '../../src/worker/hosted-store.js'
import { WakeUp } from '../../src/worker/wake-up.js'
import { editRaw, flipBit } from './support/raw-environment.js'
import { accepted, head } from './support/records.js'

const voterId = '0123456789abcdef'
const KIB = 1024

let directory: string
let path: string
let opened: LmdbLogStore[]
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sync-'))
  path = join(directory, 'log')
  opened = []
})
afterEach(() => {
  for (const store of opened) store.close()
  rmSync(directory, { recursive: true })
})

function open(bootId: string, more: Partial<LmdbLogStoreOptions> = {}): LmdbLogStore {
  const store = new LmdbLogStore({ path, voterId, bootId, ...more })
  opened.push(store)
  return store
}

function relaxed(bootId: string, more: Partial<LmdbLogStoreOptions> = {}): LmdbLogStore {
  const store = open(bootId, more)
  store.create([0])
  store.setRelaxed(true)
  return store
}

function commit(store: LmdbLogStore, instance: number, bytes = 100): void {
  const records = [accepted(instance, 65537, bytes)]
  store.commit([{ group: 0, records, head: head({ promised: 65537, lastAccepted: instance }) }])
}

/** The directory as it is now, as a kill leaves it; `path` is that from here on. */
function killed(): void {
  const image = join(directory, `killed-${opened.length}`)
  cpSync(path, image, { recursive: true })
  rmSync(join(image, 'lock.mdb'), { force: true })
  path = image
}

const lost = () =>
  expect.objectContaining({ code: 'STORE_DAMAGED', path, message: expect.stringMatching(/relaxed.*lost/) })
const dataFile = () => readFileSync(join(path, 'data.mdb'))
const key = (copy: 0 | 1) => journalKey(new Uint8Array(KEY_BYTES), copy)
const lastOf = (store: LmdbLogStore) => store.load(0)?.head.lastAccepted

describe('a relaxed store', () => {
  test('is noted as such in LMDB, with a flush, before the first commit', () => {
    let flushes = 0
    const store = open('1', { hooks: { afterFlush: () => void flushes++ } })
    store.create([0])
    const before = flushes
    store.setRelaxed(true)
    expect(flushes).toBe(before + 1)
    const noted = dataFile()
    commit(store, 1)
    commit(store, 2)
    // The commits themselves flush nothing, and write nothing to LMDB.
    expect(flushes).toBe(before + 1)
    expect(dataFile()).toEqual(noted)
    killed()
    expect(() => open('2')).toThrow(lost())
  })

  test('keeps everything when its process alone is killed, and is no more relaxed', () => {
    const store = relaxed('1')
    for (let i = 1; i <= 5; i++) commit(store, i)
    killed()
    const again = open('1')
    expect(again.load(0)?.tail.map(({ instance }) => instance)).toEqual([1, 2, 3, 4, 5])
    killed()
    expect(lastOf(open('2'))).toBe(5)
  })

  test('is damaged in another boot, complete as its journal may be, and empty as it may be', () => {
    const store = relaxed('1')
    killed()
    expect(() => open('2')).toThrow(lost())
    path = store.path
    for (let i = 1; i <= 3; i++) commit(store, i)
    store.flush()
    killed()
    expect(() => open('2')).toThrow(lost())
    // It stays so: the refusal has written nothing.
    expect(() => open('2')).toThrow(lost())
    expect(lastOf(open('1'))).toBe(3)
  })

  test('is damaged where the system does not tell its boots', () => {
    const store = relaxed('')
    commit(store, 1)
    killed()
    expect(() => open('')).toThrow(lost())
    expect(() => open('1')).toThrow(lost())
  })

  test('is damaged in another boot when its journal is gone, or one copy of the note is', () => {
    relaxed('1')
    killed()
    flipBit(path, key(0), 100)
    expect(() => open('2')).toThrow(lost())
    rmSync(join(path, 'journal'))
    expect(() => open('2')).toThrow(lost())
  })

  test('keeps the note while LMDB takes up its journal', () => {
    const store = relaxed('1', { journalBytes: 64 * KIB })
    for (let i = 1; i <= 40; i++) commit(store, i)
    expect(lastOf(store)).toBe(40)
    killed()
    expect(() => open('2')).toThrow(lost())
  })

  test('may be opened in another boot after an orderly close', () => {
    const store = relaxed('1')
    commit(store, 1)
    store.close()
    expect(lastOf(open('2'))).toBe(1)
  })

  test('may be opened in another boot once it is no more relaxed', () => {
    const store = relaxed('1')
    commit(store, 1)
    store.setRelaxed(false)
    expect(store.hasUnflushed).toBe(false)
    commit(store, 2)
    killed()
    expect(lastOf(open('2'))).toBe(2)
  })

  test('is noted with the new boot when it is relaxed again', () => {
    relaxed('1').close()
    const store = open('2')
    store.setRelaxed(true)
    killed()
    expect(() => open('1')).toThrow(lost())
    open('2')
  })

  test('does not take back a note of whoever opened it after it', () => {
    const first = relaxed('1')
    commit(first, 1)
    const second = open('1')
    second.load(0)
    second.setRelaxed(true)
    commit(second, 2)
    first.close()
    expect(() => first.setRelaxed(false)).toThrow()
    killed()
    expect(() => open('2')).toThrow(lost())
    expect(lastOf(open('1'))).toBe(2)
  })

  test('puts commits of hundreds of KiB into the journal, and reads them back after a kill', () => {
    const store = relaxed('1')
    const before = dataFile()
    commit(store, 1, 300 * KIB)
    commit(store, 2, 600 * KIB)
    expect(dataFile()).toEqual(before)
    commit(store, 3, 300 * KIB)
    expect(dataFile()).not.toEqual(before)
    commit(store, 4, 300 * KIB)
    killed()
    const tail = open('1').load(0)?.tail ?? []
    expect(tail.map(({ instance }) => instance)).toEqual([1, 2, 3, 4])
    for (const { instance, value } of tail)
      expect(Buffer.compare(value, accepted(instance, 65537, value.length).value)).toBe(0)
    expect(tail.map(({ value }) => value.length)).toEqual([300, 600, 300, 300].map((kib) => kib * KIB))
  })

  test('loses nothing to an entry that was being written when its process was killed; what was acknowledged counts', () => {
    const store = relaxed('1')
    commit(store, 1)
    const before = readFileSync(join(path, 'journal'))
    commit(store, 2)
    killed()
    const after = readFileSync(join(path, 'journal'))
    // The second entry lies in the third block, and the mark in the first.
    after.fill(0, 2 * 4 * KIB + 60, 3 * 4 * KIB)
    writeFileSync(join(path, 'journal'), after)
    expect(() => open('1')).toThrow(/entry 2 is unreadable, and 2 was acknowledged/)
    before.copy(after, 0, 0, 4 * KIB)
    writeFileSync(join(path, 'journal'), after)
    expect(lastOf(open('1'))).toBe(1)
  })

  test('is read by others, whatever their boot', () => {
    const store = relaxed('1')
    commit(store, 1)
    killed()
    const reader = new LmdbReadOnly(path)
    expect(reader.view(() => headCopyOf(reader, 0, 0))).toMatchObject({ head: { lastAccepted: 1 } })
    reader.close()
  })

  test('whose two notes differ is damaged', () => {
    relaxed('1').close()
    editRaw(path, ({ get, put }) => {
      const position = decodePosition(get(key(1)), get(key(1)).length)
      if (position === undefined) throw new Error('no position')
      put(key(1), encodePosition({ ...position, relaxedIn: '1' }))
    })
    expect(() => open('1')).toThrow(/says two things/)
  })
})

describe('flushes of the journal', () => {
  const real = JournalFile.prototype.flush
  let flushes = 0
  let fails = false
  beforeEach(() => {
    flushes = 0
    fails = false
    JournalFile.prototype.flush = function (this: JournalFile) {
      flushes++
      if (fails) throw Object.assign(new Error('EIO: made to fail, fdatasync'), { code: 'EIO' })
      real.call(this)
    }
  })
  afterEach(() => {
    JournalFile.prototype.flush = real
  })

  test('come when asked for, and when there is something to flush', () => {
    const store = relaxed('1')
    expect(store.hasUnflushed).toBe(false)
    store.flush()
    expect(flushes).toBe(0)
    commit(store, 1)
    commit(store, 2)
    expect([store.hasUnflushed, flushes]).toEqual([true, 0])
    store.flush()
    expect([store.hasUnflushed, flushes]).toEqual([false, 1])
    store.flush()
    expect(flushes).toBe(1)
  })

  test('that fail are damage, and final: nobody knows what of it a later reader would find', () => {
    const store = relaxed('1')
    commit(store, 1)
    fails = true
    expect(() => store.flush()).toThrow(lost())
    fails = false
    expect(() => commit(store, 2)).toThrow(lost())
    expect(() => store.setRelaxed(false)).toThrow(lost())
  })

  test('that fail at the opening after a kill are damage, but for errors that say nothing about the disk', () => {
    const store = relaxed('1')
    commit(store, 1)
    killed()
    const opening = JournalFile.open
    const openWith = (code: string) => {
      JournalFile.open = () => {
        throw Object.assign(new Error(`${code}: made to fail`), { code })
      }
      try {
        open('1')
      } finally {
        JournalFile.open = opening
      }
    }
    expect(() => openWith('EIO')).toThrow(lost())
    expect(() => openWith('EMFILE')).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
    expect(lastOf(open('1'))).toBe(1)
    killed()
    // Nothing is relaxed any more.
    expect(() => openWith('EIO')).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
  })

  const WAIT = 50
  function hosted(sync: 'always' | 'never' | { intervalMs: number }): { store: HostedStore; wakeUp: WakeUp } {
    const wakeUp = new WakeUp()
    const store = new HostedStore(path, { log: () => open('1'), state: undefined }, wakeUp, sync)
    store.log.create([0])
    return { store, wakeUp }
  }
  const write = (store: HostedStore, instance: number, now: number) => {
    const records = [accepted(instance)]
    store.commit([{ group: 0, records, head: head({ promised: 65537, lastAccepted: instance }) }], now)
  }

  test('come by the interval after the first commit that waits, and not before', () => {
    const { store, wakeUp } = hosted({ intervalMs: WAIT })
    expect(wakeUp.at).toBe(Number.POSITIVE_INFINITY)
    write(store, 1, 1000)
    write(store, 2, 1030)
    expect(wakeUp.at).toBe(1000 + WAIT)
    store.flushIfDue(1000 + WAIT - 1)
    expect(flushes).toBe(0)
    expect(wakeUp.isDue(1000 + WAIT)).toBe(true)
    store.flushIfDue(1000 + WAIT)
    store.arm()
    expect([flushes, wakeUp.at]).toEqual([1, Number.POSITIVE_INFINITY])
    store.flushIfDue(5000)
    expect(flushes).toBe(1)
    write(store, 3, 6000)
    expect(wakeUp.at).toBe(6000 + WAIT)
    // Woken for something else, it still waits.
    expect(wakeUp.isDue(6000 + WAIT)).toBe(true)
    store.arm()
    expect(wakeUp.at).toBe(6000 + WAIT)
  })

  test('do not come by themselves with `never`, and have come already with `always`', () => {
    const { store, wakeUp } = hosted('never')
    write(store, 1, 1000)
    store.flushIfDue(1e9)
    expect([store.log.hasUnflushed, flushes, wakeUp.at]).toEqual([true, 0, Number.POSITIVE_INFINITY])
    expect(store.setSync('always', 2000)).toBeUndefined()
    write(store, 2, 3000)
    expect(store.log.hasUnflushed).toBe(false)
    killed()
    expect(lastOf(open('2'))).toBe(2)
  })

  test('that an interval did not have before come with the change to it', () => {
    const { store, wakeUp } = hosted('never')
    write(store, 1, 1000)
    expect(store.setSync({ intervalMs: WAIT }, 2000)).toBeUndefined()
    expect(flushes).toBe(1)
    write(store, 2, 3000)
    expect(wakeUp.at).toBe(3000 + WAIT)
    store.setSync('never', 3010)
    store.flushIfDue(9000)
    expect(flushes).toBe(1)
    killed()
    expect(() => open('2')).toThrow(lost())
  })

  test('that fail end the store for its groups', () => {
    const { store } = hosted({ intervalMs: WAIT })
    write(store, 1, 1000)
    fails = true
    store.flushIfDue(2000)
    expect(store.failure?.code).toBe('STORE_DAMAGED')
    expect(store.setSync('always', 3000)?.code).toBe('STORE_DAMAGED')
  })
})
