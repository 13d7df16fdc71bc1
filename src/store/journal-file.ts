import { closeSync, constants, existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { flushPath, replaceFileDurably } from './durable-files.js'

const JOURNAL = 'journal'

/** The file of a journal, beside the data file of its environment. */
export class JournalFile {
  readonly length: number
  /** Each write to it is on the disk when it returns. */
  readonly #durable: number
  readonly #plain: number
  #isOpen = true

  private constructor(path: string, length: number) {
    this.length = length
    this.#durable = openSync(path, constants.O_WRONLY | constants.O_DSYNC)
    try {
      this.#plain = openSync(path, 'r+')
    } catch (error) {
      closeSync(this.#durable)
      throw error
    }
  }

  /** Makes it, whatever was there: of fixed length and with all its bytes written, so that no write to it changes more than them. */
  static create(directory: string, bytes: Uint8Array): JournalFile {
    replaceFileDurably(join(directory, JOURNAL), bytes)
    return new JournalFile(join(directory, JOURNAL), bytes.length)
  }

  /** With what is in it, which is durable now: a killed process may have left some of it to the page cache. Undefined if it is not there. */
  static open(directory: string): { readonly file: JournalFile; readonly bytes: Uint8Array } | undefined {
    const path = join(directory, JOURNAL)
    if (!existsSync(path)) return undefined
    flushPath(path)
    const bytes = readFileSync(path)
    return { file: new JournalFile(path, bytes.length), bytes }
  }

  /** What is in that of an environment which another thread or process may have open; undefined if it has none. */
  static read(directory: string): Uint8Array | undefined {
    const path = join(directory, JOURNAL)
    return existsSync(path) ? readFileSync(path) : undefined
  }

  /** Durable on return. */
  write(at: number, bytes: Uint8Array): void {
    writeAll(this.#durable, at, bytes)
  }

  /** Outlives the process, but not the machine. */
  note(at: number, bytes: Uint8Array): void {
    writeAll(this.#plain, at, bytes)
  }

  /** What `note` wrote is durable on return. */
  flush(): void {
    fdatasyncSync(this.#plain)
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.#durable)
    closeSync(this.#plain)
  }
}

function writeAll(fd: number, at: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done)
}
