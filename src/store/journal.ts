import { encodeEntry, encodeMark, entryBytes, JOURNAL_BLOCK_BYTES, MARK_BYTES, type Put } from './journal-entry.js'
import type { JournalFile } from './journal-file.js'

/** Larger entries are not worth it: what they would save is little beside what it costs to write them twice. */
const MAX_ENTRY_BYTES = 64 * 1024

/** Appends to the file of a journal, up to its end; then it has to be absorbed, and begins again. */
export class Journal {
  readonly number: number
  readonly #file: JournalFile
  readonly #buffer = new Uint8Array(MAX_ENTRY_BYTES)
  readonly #mark = new Uint8Array(MARK_BYTES)
  #last: number
  #at = JOURNAL_BLOCK_BYTES

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

  /** Whether one entry of so many puts can be appended now. */
  hasRoom(puts: number, valueBytes: number): boolean {
    const bytes = entryBytes(puts, valueBytes)
    return bytes <= MAX_ENTRY_BYTES && this.#at + bytes <= this.#file.length
  }

  /** Durable on return. After an error nothing is known of it, and nothing more may be appended. */
  append(puts: readonly Put[]): void {
    const bytes = encodeEntry(this.#buffer, this.number, this.#last + 1, puts)
    this.#file.write(this.#at, this.#buffer.subarray(0, bytes))
    this.#at += bytes
    this.#last++
    encodeMark(this.#mark, this.number, this.#last)
    this.#file.note(0, this.#mark)
  }

  /** The environment holds all of it. */
  absorbed(): void {
    this.#at = JOURNAL_BLOCK_BYTES
  }

  close(): void {
    this.#file.close()
  }
}

/** A file without an entry. */
export function emptyJournal(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  encodeMark(bytes, number, 0)
  return bytes
}
