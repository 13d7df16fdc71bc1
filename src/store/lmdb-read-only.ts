import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { allocateBytes } from '../codec/own-bytes.js'
import { JournaledView } from './journal-view.js'
import { lmdbStoreError } from './lmdb-errors.js'
import { LMDB_OPTIONS } from './lmdb-options.js'
import { isStoreError, StoreError } from './store-error.js'

type Database = RootDatabase<Uint8Array, Uint8Array> & { readonly lastSize: number }

/**
 * An LMDB environment as a process reads it that is not a node. The data file is opened for reading only, and:
 *
 * - Where nobody has it open, LMDB is shown the data file through a link in a folder of its own, so that it makes its lock
 *   file there: nothing in the data directory is created or written, and a read-only copy can be read as well.
 * - Beside the process that owns it, each `view` takes a place in the table of readers in LMDB's lock file, as every reader
 *   does, so that the owner leaves alone the pages that are being read. It is refused if the owner's hold on that file is not
 *   to be seen: LMDB would take the file for abandoned and initialize it, and the owner's next commit would fail.
 *
 * Never in the process of a node: closing the file there would give up that hold.
 */
export class LmdbReadOnly {
  readonly path: string
  readonly #db: Database
  readonly #view: JournaledView

  /** `owner`: the process that has it open. Throws STORAGE_FAILED, DATA_DIR_IN_USE, STORE_DAMAGED. */
  constructor(path: string, owner?: number) {
    this.path = path
    if (!existsSync(dataFile(path))) {
      const message = `There is no environment in ${path}. Look whether the whole data directory is there.`
      throw new StoreError('STORAGE_FAILED', message, { path })
    }
    try {
      this.#db = owner === undefined ? openAlone(path) : openBeside(path, owner)
    } catch (error) {
      throw isStoreError(error) ? error : lmdbStoreError(error, 'Reading', path)
    }
    const db = this.#db
    const env = {
      path,
      get: (key: Uint8Array) => db.getBinaryFast(key),
      get lastLength() {
        return db.lastSize
      },
    }
    this.#view = new JournaledView(env, () => db.resetReadTxn())
  }

  /** Of the value that `get` gave last; its buffer is longer. */
  get lastLength(): number {
    return this.#view.lastLength
  }

  /** Runs `body` in a read transaction: what it gets is all of one commit. Short, where there is an owner. */
  view<T>(body: () => T): T {
    try {
      this.#view.refresh()
      return body()
    } catch (error) {
      throw isStoreError(error) ? error : lmdbStoreError(error, 'Reading', this.path)
    } finally {
      this.#db.resetReadTxn()
    }
  }

  /** Inside `view`. Valid up to the next call, and only its first `lastLength` bytes. */
  get(key: Uint8Array): Uint8Array | undefined {
    return this.#view.get(key)
  }

  /** Inside `view`: a copy of the value of a key. */
  read(key: Uint8Array): Uint8Array | undefined {
    const bytes = this.get(key)
    if (bytes === undefined) return undefined
    const copy = allocateBytes(this.lastLength)
    copy.set(bytes.subarray(0, copy.length))
    return copy
  }

  /** Inside `view`: all keys, in order. */
  keys(): Iterable<Uint8Array> {
    return this.#db.getKeys({ start: Uint8Array.of(0) })
  }

  close(): void {
    // Nothing asynchronous is ever pending here, so this has closed the files when it returns.
    void this.#db.close()
  }
}

/**
 * Another one than before: what is open has to be opened again. That is when the environment was set aside and made anew;
 * and, where it was opened with nobody else, when somebody has written since.
 */
export function environmentStamp(path: string, isAlone: boolean): string {
  const stats = statSync(dataFile(path), { throwIfNoEntry: false })
  return stats === undefined ? 'gone' : `${stats.dev}:${stats.ino}:${isAlone ? stats.mtimeMs : ''}`
}

function dataFile(path: string): string {
  return join(path, 'data.mdb')
}

function openAlone(path: string): Database {
  const folder = mkdtempSync(join(tmpdir(), 'shardpaxos-read-'))
  try {
    symlinkSync(resolve(dataFile(path)), dataFile(folder))
    return open<Uint8Array, Uint8Array>({ path: folder, ...LMDB_OPTIONS, readOnly: true }) as Database
  } finally {
    // What it has opened stays open.
    rmSync(folder, { recursive: true, force: true })
  }
}

function openBeside(path: string, owner: number): Database {
  if (!holdsLockFile(path, owner)) {
    const message = `Process ${owner} has the data directory of ${path}, but does not hold its lock.mdb: it is starting or ending. Try again; if that does not help, stop it first.`
    throw new StoreError('DATA_DIR_IN_USE', message, { path })
  }
  return open<Uint8Array, Uint8Array>({ path, ...LMDB_OPTIONS, readOnly: true }) as Database
}

/** As the system lists them: `1: POSIX  ADVISORY  READ 4711 fe:00:2212979 0 0`. */
function holdsLockFile(path: string, owner: number): boolean {
  try {
    const { ino } = statSync(join(path, 'lock.mdb'))
    const lock = new RegExp(`POSIX +ADVISORY +(READ|WRITE) +${owner} +\\S+:${ino} +0 +0$`, 'm')
    return lock.test(readFileSync('/proc/locks', 'utf8'))
  } catch {
    return false
  }
}
