import { encodeEntry, encodeMark, entryBytes, JOURNAL_BLOCK_BYTES, MARK_BYTES, type Put } from './journal-entry.js'
import type { JournalFile } from './journal-file.js'

/** Larger entries are not worth a flush: what they would save is little beside what it costs to write them twice. */
const MAX_ENTRY_BYTES = 64 * 1024

/** Appends to the file of a journal, up to its end; then it has to be absorbed, and begins again. */
export class Journal {
  readonly number: number
  readonly #file: JournalFile
  #buffer = new Uint8Array(MAX_ENTRY_BYTES)
  readonly #mark = new Uint8Array(MARK_BYTES)
  #last: number
  #at = JOURNAL_BLOCK_BYTES
  #hasUnflushed = false

  /** `last`: the sequence of its last entry. What is in the file was absorbed. */
  constructor(file: JournalFile, number: number, last: number) {
    this.#file = file
    this.number = number
    this.#last = last
  }

  /** The sequence of the last entry. */
  get last(): number {
    return this.#last
  }

  /** Something was appended relaxed, and is neither flushed nor absorbed. */
  get hasUnflushed(): boolean {
    return this.#hasUnflushed
  }

  /** Whether one entry of so many puts can be appended now; a relaxed one may be as large as the room that is left. */
  hasRoom(puts: number, valueBytes: number, isRelaxed: boolean): boolean {
    const bytes = entryBytes(puts, valueBytes)
    return (isRelaxed || bytes <= MAX_ENTRY_BYTES) && this.#at + bytes <= this.#file.length
  }

  /**
   * Durable on return, unless it is relaxed: then it outlives the process alone. After an error nothing is known of it, and
   * nothing more may be appended.
   */
  append(puts: readonly Put[], isRelaxed: boolean): void {
    this.#makeRoom(puts)
    const bytes = encodeEntry(this.#buffer, this.number, this.#last + 1, puts)
    const entry = this.#buffer.subarray(0, bytes)
    if (isRelaxed) this.#file.note(this.#at, entry)
    else this.#file.write(this.#at, entry)
    this.#hasUnflushed ||= isRelaxed
    this.#at += bytes
    this.#last++
    encodeMark(this.#mark, this.number, this.#last)
    this.#file.note(0, this.#mark)
  }

  /** Everything that was appended is durable on return. */
  flush(): void {
    this.#file.flush()
    this.#hasUnflushed = false
  }

  /** The environment holds all of it. */
  absorbed(): void {
    this.#at = JOURNAL_BLOCK_BYTES
    this.#hasUnflushed = false
  }

  close(): void {
    this.#file.close()
  }

  #makeRoom(puts: readonly Put[]): void {
    let valueBytes = 0
    for (const { value } of puts) valueBytes += value.length
    if (entryBytes(puts.length, valueBytes) > this.#buffer.length) this.#buffer = new Uint8Array(this.#file.length)
  }
}

/** A file without an entry. */
export function emptyJournal(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  encodeMark(bytes, number, 0)
  return bytes
}
