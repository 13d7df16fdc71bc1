import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { readJournal } from '../../src/store/journal-content.js'
import { encodeEntry, encodeMark, JOURNAL_BLOCK_BYTES, type Put } from '../../src/store/journal-entry.js'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { LmdbLogView } from '../../src/store/lmdb-log-view.js'
import { LmdbReadOnly } from '../../src/store/lmdb-read-only.js'
import { identityKey, journalKey, KEY_BYTES } from '../../src/store/log-keys.js'
import { headCopyOf } from '../../src/store/log-records.js'
import { encodeIdentity } from '../../src/store/store-identity.js'
import { editRaw, flipBit } from './support/raw-environment.js'
import { accepted, head } from './support/records.js'

const NUMBER = 99
const voterId = '0123456789abcdef'
const put = (byte: number, length: number): Put => ({
  key: new Uint8Array(8).fill(byte),
  value: new Uint8Array(length).fill(byte),
})

/** A journal with one entry a block, from the first on; the mark knows `acknowledged`. */
function journalOf(sequences: readonly number[], acknowledged: number): Uint8Array {
  const bytes = new Uint8Array(8 * JOURNAL_BLOCK_BYTES)
  encodeMark(bytes, NUMBER, acknowledged)
  sequences.forEach((sequence, i) => {
    encodeEntry(bytes.subarray((i + 1) * JOURNAL_BLOCK_BYTES), NUMBER, sequence, [put(sequence, 100)])
  })
  return bytes
}

const read = (bytes: Uint8Array, absorbed: number) => readJournal(bytes, { journal: NUMBER, absorbed })
const bytesIn = (found: ReturnType<typeof read>) =>
  typeof found === 'string' ? found : found.puts.map(({ key }) => key[0])

describe('what a journal holds', () => {
  test('all entries above what was absorbed; those of an earlier round through the file are left out', () => {
    expect(bytesIn(read(journalOf([4, 5, 6], 6), 3))).toEqual([4, 5, 6])
    expect(bytesIn(read(journalOf([7, 8, 3, 4], 8), 6))).toEqual([7, 8])
    expect(bytesIn(read(journalOf([4, 5, 6], 6), 6))).toEqual([])
    expect(read(journalOf([4, 5, 6], 6), 6)).toMatchObject({ last: 6 })
  })

  test('an entry larger than a block is followed by the next one at the beginning of a block', () => {
    const bytes = new Uint8Array(8 * JOURNAL_BLOCK_BYTES)
    encodeMark(bytes, NUMBER, 2)
    const length = encodeEntry(bytes.subarray(JOURNAL_BLOCK_BYTES), NUMBER, 1, [put(1, 5000), put(2, 0)])
    expect(length).toBe(2 * JOURNAL_BLOCK_BYTES)
    encodeEntry(bytes.subarray(JOURNAL_BLOCK_BYTES + length), NUMBER, 2, [put(3, 10)])
    expect(bytesIn(read(bytes, 0))).toEqual([1, 2, 3])
  })

  test('the last entry may be torn, if nobody was told of it', () => {
    const bytes = journalOf([1, 2, 3], 2)
    bytes.fill(0, 3 * JOURNAL_BLOCK_BYTES + 50, 3 * JOURNAL_BLOCK_BYTES + 60)
    expect(bytesIn(read(bytes, 0))).toEqual([1, 2])
    expect(read(bytes, 0)).toMatchObject({ last: 2 })
    encodeMark(bytes, NUMBER, 3)
    expect(read(bytes, 0)).toMatch(/entry 3 is unreadable, and 3 was acknowledged/)
  })

  test('an unreadable entry with a later one behind it is damage, whatever the mark knows', () => {
    for (const at of [4, 40]) {
      const bytes = journalOf([1, 2, 3], 0)
      const place = 2 * JOURNAL_BLOCK_BYTES + at
      bytes[place] = (bytes[place] ?? 0) ^ 1
      expect(read(bytes, 0)).toMatch(/entry 2 is unreadable, and entry 3 is there/)
    }
  })

  test('the journal of somebody else, and one without a mark, is damage', () => {
    expect(readJournal(journalOf([1], 1), { journal: NUMBER + 1, absorbed: 0 })).toMatch(/first block/)
    const bytes = journalOf([1], 1)
    bytes[9] = 1
    expect(read(bytes, 0)).toMatch(/first block/)
  })
})

describe('a store with a journal', () => {
  let directory: string
  let path: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'journal-'))
    path = join(directory, 'log')
  })
  afterEach(() => rmSync(directory, { recursive: true }))
  const key = () => new Uint8Array(KEY_BYTES)
  const journal = () => join(path, 'journal')
  const open = () => new LmdbLogStore({ path, voterId })
  const damaged = () => expect.objectContaining({ code: 'STORE_DAMAGED', path })

  /** As a process leaves it that is killed: what only the journal holds stays there. */
  function killedAfter(records: number): void {
    const store = open()
    store.create([0])
    for (let i = 1; i <= records; i++)
      store.commit([{ group: 0, records: [accepted(i)], head: head({ promised: 65537, lastAccepted: i }) }])
    const [data, entries] = [readFileSync(join(path, 'data.mdb')), readFileSync(journal())]
    store.close()
    writeFileSync(join(path, 'data.mdb'), data)
    writeFileSync(journal(), entries)
  }

  test('a small commit writes nothing to the data file, and is there after a kill', () => {
    const store = open()
    store.create([0])
    const before = readFileSync(join(path, 'data.mdb'))
    store.commit([{ group: 0, records: [accepted(1)], head: head({ promised: 65537, lastAccepted: 1 }) }])
    expect(readFileSync(join(path, 'data.mdb'))).toEqual(before)
    expect(store.read(0, 1, 1, 1000)).toHaveLength(1)
    store.close()
    rmSync(path, { recursive: true })
    killedAfter(5)
    const again = open()
    expect(again.load(0)?.tail.map(({ instance }) => instance)).toEqual([1, 2, 3, 4, 5])
    again.close()
  })

  test('whoever reads beside its owner, or after it, sees what only the journal holds', () => {
    const store = open()
    store.create([0])
    const view = new LmdbLogView(path)
    for (let i = 1; i <= 700; i++) {
      store.commit([{ group: 0, records: [accepted(i)], head: head({ promised: 65537, lastAccepted: i }) }])
      if (i % 60 !== 0) continue
      expect(view.head(0).lastAccepted).toBe(i)
      expect(view.read(0, i, i, 1000)).toHaveLength(1)
    }
    view.close()
    store.close()
    rmSync(path, { recursive: true })
    killedAfter(5)
    const later = new LmdbReadOnly(path)
    const found = later.view(() => headCopyOf(later, 0, 0))
    expect(found).toMatchObject({ head: { lastAccepted: 5 } })
    later.close()
  })

  test('a journal that is gone, or was taken from elsewhere, is a damaged store', () => {
    killedAfter(3)
    const entries = readFileSync(journal())
    rmSync(journal())
    expect(open).toThrow(damaged())
    const other = new LmdbLogStore({ path: join(directory, 'other'), voterId })
    other.close()
    writeFileSync(journal(), readFileSync(join(directory, 'other', 'journal')))
    expect(open).toThrow(damaged())
    writeFileSync(journal(), entries)
    open().close()
  })

  test('an entry that was acknowledged and is unreadable is a damaged store, the last one too', () => {
    killedAfter(3)
    const entries = readFileSync(journal())
    for (const number of [1, 2, 3]) {
      const bytes = Buffer.from(entries)
      bytes[number * JOURNAL_BLOCK_BYTES + 100] = (bytes[number * JOURNAL_BLOCK_BYTES + 100] ?? 0) ^ 4
      writeFileSync(journal(), bytes)
      expect(open).toThrow(damaged())
    }
    writeFileSync(journal(), entries)
    const store = open()
    expect(store.load(0)?.head.lastAccepted).toBe(3)
    store.close()
  })

  test('what the environment says of its journal stands twice: one is enough, both are not missed in silence', () => {
    killedAfter(3)
    flipBit(path, journalKey(key(), 0), 70)
    const store = open()
    expect(store.load(0)?.head.lastAccepted).toBe(3)
    store.close()
    for (const copy of [0, 1] as const) flipBit(path, journalKey(key(), copy), 70)
    expect(open).toThrow(damaged())
    editRaw(path, ({ remove }) => {
      for (const copy of [0, 1] as const) remove(journalKey(key(), copy))
    })
    expect(open).toThrow(damaged())
  })

  test('a store of the format without a journal gets one', () => {
    const store = open()
    store.create([0])
    store.close()
    editRaw(path, (entries) => {
      for (const copy of [0, 1] as const) {
        entries.remove(journalKey(key(), copy))
        entries.put(identityKey(key(), copy), encodeIdentity({ format: 1, voterId, groups: [0] }))
      }
    })
    rmSync(journal())
    const now = open()
    now.load(0)
    now.commit([{ group: 0, records: [accepted(1)], head: head({ promised: 65537, lastAccepted: 1 }) }])
    now.close()
    rmSync(journal())
    expect(open).toThrow(damaged())
  })
})
