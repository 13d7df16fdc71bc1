import { randomInt } from 'node:crypto'
import { assert } from '../base/assert.js'
import { copyOf } from '../codec/own-bytes.js'
import { emptyJournal, Journal } from './journal.js'
import { readJournal } from './journal-content.js'
import { JOURNAL_BLOCK_BYTES, type Put } from './journal-entry.js'
import { JournalFile } from './journal-file.js'
import { JournalOverlay } from './journal-overlay.js'
import { encodePosition, type JournalPosition } from './journal-position.js'
import { journalDamaged, positionOf, votesLost } from './journal-view.js'
import type { LmdbEnvironment } from './lmdb-environment.js'
import { journalKey, KEY_BYTES } from './log-keys.js'

export interface JournalOptions {
  /** The environment was used with a journal before: if it says nothing of one now, it is damaged. */
  readonly isExpected: boolean
  /** Length of the journal's file, where one is made. */
  readonly length?: number | undefined
  /** Of the machine; empty where the system does not tell. */
  readonly bootId: string
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
 *
 * Relaxed, the journal is written without a flush. LMDB never is; it says beforehand that the journal is, and in which boot
 * of the machine: what was acknowledged is gone with that.
 */
export class JournaledEnvironment {
  lastLength = 0
  readonly #env: LmdbEnvironment
  readonly #overlay = new JournalOverlay()
  readonly #journal: Journal
  /** What LMDB says of the journal. */
  #recorded: number
  #isRelaxed = false
  readonly #bootId: string
  /** While a commit gathers what it appends. */
  #appending: Put[] | undefined
  #isWriting = false

  /**
   * Everything that the journal holds goes into LMDB, in one commit with what `takeOver` writes: nobody who had it open before
   * can append to it between.
   */
  constructor(env: LmdbEnvironment, options: JournalOptions, takeOver: () => void) {
    this.#env = env
    this.#bootId = options.bootId
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
    return this.#journal.hasRoom(puts, valueBytes, this.#isRelaxed)
  }

  /** Whether LMDB says that what is appended need not be durable. */
  get isRelaxed(): boolean {
    return this.#isRelaxed
  }

  /** Something was appended that neither the journal nor LMDB has durably. */
  get hasUnflushed(): boolean {
    return this.#journal.hasUnflushed
  }

  /** What was appended is durable on return. An error is damage: of pages that a disk refused, the cache may drop any. */
  flush(): void {
    if (!this.hasUnflushed) return
    this.#env.hold(() => flushOr(this.path, () => this.#journal.flush()), true)
  }

  /** Runs `body`, which may get and put; durable on return, unless it is relaxed. */
  append(body: () => void): void {
    const puts: Put[] = []
    this.#env.hold(() => {
      this.#appending = puts
      try {
        body()
      } finally {
        this.#appending = undefined
      }
      if (puts.length > 0) this.#journal.append(puts, this.#isRelaxed)
    }, !this.#isRelaxed)
    for (const put of puts) this.#overlay.set(put)
  }

  /** As `LmdbEnvironment.write`; afterwards LMDB has everything. `isRelaxed`: what follows it is, and LMDB says so first. */
  write(newBytes: number, puts: number, body: () => void, isRelaxed = this.#isRelaxed): void {
    const overlay = this.#overlay
    const { number: journal, last: absorbed } = this.#journal
    this.#env.write(newBytes + overlay.bytes, puts + overlay.size + 2, () => {
      for (const { key, value } of overlay.puts()) this.#env.put(key, value)
      if (absorbed !== this.#recorded || isRelaxed !== this.#isRelaxed) {
        this.#putPosition({ journal, absorbed, relaxedIn: isRelaxed ? this.#bootId : undefined })
      }
      this.#isWriting = true
      try {
        body()
      } finally {
        this.#isWriting = false
      }
    })
    this.#recorded = absorbed
    this.#isRelaxed = isRelaxed
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
    const { relaxedIn } = position
    if (relaxedIn !== undefined && (relaxedIn === '' || relaxedIn !== this.#bootId)) {
      // Whatever the journal looks like, even empty: there may have been more of it.
      throw votesLost(path, 'the machine stopped, or may have stopped,')
    }
    // The process alone was gone: what it had written is there, once it is flushed.
    const open = () => JournalFile.open(path)
    const found = relaxedIn === undefined ? open() : flushOr(path, open)
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

/** Such an error says nothing about what was written. */
const NOT_OF_THE_DISK: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EACCES', 'EPERM'])

/** Runs what flushes a journal that is relaxed. */
function flushOr<T>(path: string, flush: () => T): T {
  try {
    return flush()
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown }
    if (NOT_OF_THE_DISK.has(code)) throw error
    throw votesLost(path, `a flush of the journal failed (${String(message)})`)
  }
}
