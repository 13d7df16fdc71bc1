import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { emptyJournal } from '../../src/store/journal.js'
import { encodeEntry, encodeMark, JOURNAL_BLOCK_BYTES } from '../../src/store/journal-entry.js'
import { encodePosition } from '../../src/store/journal-position.js'
import { JournaledView } from '../../src/store/journal-view.js'
import { journalKey, KEY_BYTES, recordKey } from '../../src/store/log-keys.js'

const NUMBER = 4711
const position = encodePosition({ journal: NUMBER, absorbed: 0 })
const isOfJournal = (key: Uint8Array) =>
  ([0, 1] as const).some((copy) => Buffer.compare(key, journalKey(new Uint8Array(KEY_BYTES), copy)) === 0)
const key = (instance: number) => recordKey(new Uint8Array(KEY_BYTES), 0, instance)

let path: string
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'journal-view-'))
})
afterEach(() => rmSync(path, { recursive: true }))

/** Each a block with the value of its instance, as far as they are there. */
function writeJournal(acknowledged: number, entries: readonly number[]): void {
  const bytes = emptyJournal(NUMBER, 8 * JOURNAL_BLOCK_BYTES)
  encodeMark(bytes, NUMBER, acknowledged)
  for (const sequence of entries) {
    const puts = [{ key: key(sequence), value: Uint8Array.of(sequence) }]
    encodeEntry(bytes.subarray(sequence * JOURNAL_BLOCK_BYTES), NUMBER, sequence, puts)
  }
  writeFileSync(join(path, 'journal'), bytes)
}

/** Of an environment that has absorbed nothing. */
function viewOf(renew: () => void): JournaledView {
  const get = (wanted: Uint8Array) => (isOfJournal(wanted) ? position : undefined)
  return new JournaledView({ path, get, lastLength: position.length }, renew)
}

test('an entry that is written while the journal is read: it is read again', () => {
  writeJournal(1, [1, 3])
  const view = viewOf(() => writeJournal(1, [1, 2, 3]))
  view.refresh()
  expect([1, 2, 3].map((instance) => view.get(key(instance))?.[0])).toEqual([1, 2, 3])
})

test.each([
  ['an entry is missing before one that is there', 1, [1, 3], 'its entry 2 is unreadable, and entry 3 is there'],
  ['an acknowledged entry is missing', 2, [1], 'its entry 2 is unreadable, and 2 was acknowledged'],
])('%s, however often it is read: damage', (_name, acknowledged, entries, what) => {
  writeJournal(acknowledged, entries)
  expect(() => viewOf(() => undefined).refresh()).toThrow(what)
})
