import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, statfsSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { unwritableCheckpoint } from './checkpoint-errors.js'

/** Left for everybody else: twice what the log keeps free for itself, so that a checkpoint gives up before the log. */
const MARGIN_BYTES = 128 * 1024 * 1024
const MARGIN_SHARE = 1 / 8

/** Throws DISK_FULL if so many bytes more would leave too little for the log. */
export function reserveForCheckpoint(directory: string, bytes: number): void {
  let free: number
  try {
    const { bsize, bavail, blocks } = statfsSync(directory)
    free = bavail * bsize - Math.min(MARGIN_BYTES, blocks * bsize * MARGIN_SHARE)
  } catch (error) {
    throw unwritableCheckpoint(directory, error)
  }
  if (free >= bytes) return
  const message = `it needs ${bytes} bytes, and there are ${Math.max(0, Math.floor(free))} beyond what is left for the log`
  throw unwritableCheckpoint(directory, Object.assign(new Error(message), { code: 'ENOSPC' }))
}

/** A data file as it grows. Flushed every `flushBytes`, so that no single flush is long and holds up the log's. */
export class CheckpointFile {
  readonly #path: string
  readonly #fd: number
  readonly #flushBytes: number
  #length: number
  #flushed: number
  /** A page that a failed flush gave up counts as clean: a second one would succeed, and say nothing. */
  #flushFailed = false
  #isOpen = true

  /** Opened to go on behind its first `length` bytes; what lies behind them is cut off. Throws DISK_FULL, STORAGE_FAILED. */
  constructor(path: string, flushBytes: number, length = 0) {
    this.#path = path
    this.#flushBytes = flushBytes
    this.#length = length
    this.#flushed = length
    try {
      this.#fd = openSync(path, length === 0 ? 'w' : 'r+', 0o600)
      if (length > 0) ftruncateSync(this.#fd, length)
    } catch (error) {
      throw unwritableCheckpoint(path, error)
    }
  }

  /** Throws DISK_FULL: nothing was appended, and the same may be tried again. After STORAGE_FAILED the file is of no use. */
  append(bytes: Uint8Array): void {
    this.#checkFlushed()
    const due = this.#length + bytes.length - this.#flushed >= this.#flushBytes
    if (this.#length === this.#flushed || due) reserveForCheckpoint(dirname(this.#path), this.#flushBytes)
    try {
      // By place, because a write that failed may have left a part of itself.
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#length + done)
    } catch (error) {
      throw unwritableCheckpoint(this.#path, error)
    }
    this.#length += bytes.length
    if (due) this.flush()
  }

  flush(): void {
    this.#checkFlushed()
    try {
      fdatasyncSync(this.#fd)
    } catch (error) {
      this.#flushFailed = true
      throw unwritableCheckpoint(this.#path, error)
    }
    this.#flushed = this.#length
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    try {
      closeSync(this.#fd)
    } catch {
      // What it could complain of are writes, and what was to be kept of them was flushed.
    }
  }

  #checkFlushed(): void {
    if (this.#flushFailed) throw unwritableCheckpoint(this.#path, new Error('an earlier flush failed'))
  }
}

/** A small file, flushed when this returns. Throws DISK_FULL, STORAGE_FAILED. */
export function writeCheckpointFile(path: string, bytes: Uint8Array): void {
  try {
    const fd = openSync(path, 'w', 0o600)
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw unwritableCheckpoint(path, error)
  }
}
