import { randomInt } from 'node:crypto'
import { assert } from '../base/assert.js'
import { copyOf } from '../codec/own-bytes.js'
import { emptyJournal, Journal } from './journal.js'
import { readJournal } from './journal-content.js'
import { JOURNAL_BLOCK_BYTES, type Put } from './journal-entry.js'
import { JournalFile } from './journal-file.js'
import { JournalOverlay } from './journal-overlay.js'
import { encodePosition, type JournalPosition } from './journal-position.js'
import { journalDamaged, positionOf } from './journal-view.js'
import type { LmdbEnvironment } from './lmdb-environment.js'
import { journalKey, KEY_BYTES } from './log-keys.js'

export interface JournalOptions {
  /** The environment was used with a journal before: if it says nothing of one now, it is damaged. */
  readonly isExpected: boolean
  /** Length of the journal's file, where one is made. */
  readonly length?: number | undefined
}

const DEFAULT_JOURNAL_BYTES = 1024 * 1024 + JOURNAL_BLOCK_BYTES
/** What LMDB may need for all that is in a journal, as a multiple of its length: pages are rarely full. */
const ABSORBED_SHARE = 4

/**
 * An LMDB environment with a journal before it: a small commit is one write to a file of fixed length, flushed once, where
 * LMDB's own flushes twice and writes whole pages. What stands in the journal alone is in memory too, and goes into LMDB with the
 * next commit that does: a large one, one that removes something, or one for which the journal has no room.
 *
 * Both kinds run inside a transaction of LMDB, which is what keeps a second owner out.
 */
export class JournaledEnvironment {
  lastLength = 0
  readonly #env: LmdbEnvironment
  readonly #overlay = new JournalOverlay()
  readonly #journal: Journal
  /** What LMDB says of the journal. */
  #recorded: number
  /** While a commit gathers what it appends. */
  #appending: Put[] | undefined
  #isWriting = false

  /**
   * Everything that the journal holds goes into LMDB, in one commit with what `takeOver` writes: nobody who had it open before
   * can append to it between.
   */
  constructor(env: LmdbEnvironment, options: JournalOptions, takeOver: () => void) {
    this.#env = env
    let journal: Journal | undefined
    try {
      env.write((options.length ?? DEFAULT_JOURNAL_BYTES) * ABSORBED_SHARE, 4, () => {
        journal = this.#open(options)
        this.#putPosition({ journal: journal.number, absorbed: journal.last })
        takeOver()
      })
    } catch (error) {
      journal?.close()
      throw error
    }
    this.#journal = journal as unknown as Journal
    this.#recorded = this.#journal.last
  }

  get path(): string {
    return this.#env.path
  }

  /** LMDB has everything. */
  get isAbsorbed(): boolean {
    return this.#overlay.size === 0
  }

  /** Whether `append` can take so many puts. */
  hasRoom(puts: number, valueBytes: number): boolean {
    return this.#journal.hasRoom(puts, valueBytes)
  }

  /** Runs `body`, which may get and put; durable on return. */
  append(body: () => void): void {
    const puts: Put[] = []
    this.#env.hold(() => {
      this.#appending = puts
      try {
        body()
      } finally {
        this.#appending = undefined
      }
      if (puts.length > 0) this.#journal.append(puts)
    })
    for (const put of puts) this.#overlay.set(put)
  }

  /** As `LmdbEnvironment.write`; afterwards LMDB has everything. */
  write(newBytes: number, puts: number, body: () => void): void {
    const overlay = this.#overlay
    const { number: journal, last: absorbed } = this.#journal
    this.#env.write(newBytes + overlay.bytes, puts + overlay.size + 2, () => {
      for (const { key, value } of overlay.puts()) this.#env.put(key, value)
      if (absorbed !== this.#recorded) this.#putPosition({ journal, absorbed })
      this.#isWriting = true
      try {
        body()
      } finally {
        this.#isWriting = false
      }
    })
    this.#recorded = absorbed
    overlay.clear()
    this.#journal.absorbed()
  }

  view<T>(body: () => T): T {
    return this.#env.view(body)
  }

  /** As `LmdbEnvironment.get`. */
  get(key: Uint8Array): Uint8Array | undefined {
    const found = this.#isWriting ? undefined : this.#overlay.get(key)
    const bytes = found ?? this.#env.get(key)
    this.lastLength = found?.length ?? this.#env.lastLength
    return bytes
  }

  /** As `LmdbEnvironment.put`. */
  put(key: Uint8Array, value: Uint8Array): void {
    if (this.#appending === undefined) this.#env.put(key, value)
    else this.#appending.push({ key: copyOf(key, 0, KEY_BYTES), value: copyOf(value, 0, value.length) })
  }

  remove(key: Uint8Array): boolean {
    assert(this.#appending === undefined, 'a journal holds no removals')
    return this.#env.remove(key)
  }

  /** As `LmdbEnvironment.firstKey`; what only the journal holds is not seen. */
  firstKey(from: Uint8Array, end: Uint8Array): Uint8Array | undefined {
    return this.#env.firstKey(from, end)
  }

  resetReadTxn(): void {
    this.#env.resetReadTxn()
  }

  usable(): void {
    this.#env.usable()
  }

  close(): void {
    this.#env.close()
    this.#journal.close()
  }

  #open({ isExpected, length = DEFAULT_JOURNAL_BYTES }: JournalOptions): Journal {
    const { path } = this.#env
    const position = positionOf(this.#env)
    if (position === undefined) {
      if (isExpected) throw journalDamaged(path, 'what the environment says of it is missing')
      const number = randomInt(1, 2 ** 48 - 1)
      return new Journal(JournalFile.create(path, emptyJournal(number, length)), number, 0)
    }
    const found = JournalFile.open(path)
    if (found === undefined) throw journalDamaged(path, 'it is not there')
    const content = readJournal(found.bytes, position)
    if (typeof content === 'string') {
      found.file.close()
      throw journalDamaged(path, content)
    }
    for (const { key, value } of content.puts) this.#env.put(key, value)
    return new Journal(found.file, position.journal, content.last)
  }

  #putPosition(position: JournalPosition): void {
    const bytes = encodePosition(position)
    const key = new Uint8Array(KEY_BYTES)
    this.#env.put(journalKey(key, 0), bytes)
    this.#env.put(journalKey(key, 1), bytes)
  }
}
