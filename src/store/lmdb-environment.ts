import { existsSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb'
import { allocateBytes } from '../codec/own-bytes.js'
import { flushPath, makeDirectoryDurable } from './durable-files.js'
import { lmdbStoreError } from './lmdb-errors.js'
import { checkLmdbFile } from './lmdb-file-check.js'
import { LMDB_OPTIONS } from './lmdb-options.js'
import { LmdbSpace } from './lmdb-space.js'
import { OPEN_GATE, type StoreGate } from './log-store.js'
import { isStoreError, StoreError } from './store-error.js'

export interface LmdbEnvironmentOptions {
  /** A directory; it is created if it is missing. */
  readonly path: string
  readonly gate?: StoreGate
  readonly hooks?: LmdbHooks
  /** What is in it can be had again: where it is doubtful whether LMDB has met damage, it has. */
  readonly isRebuildable?: boolean
  /** Only for tests that have to show that they notice an environment which does not flush. */
  readonly unsafeOverrides?: Partial<RootDatabaseOptionsWithPath>
}

export interface LmdbHooks {
  /** Runs when a commit is on disk, before `write` returns: benchmarks simulate a slower device here. */
  afterFlush?(): void
}

const PAGE_BYTES = 4096
/** What a transaction needs besides its values: copies of the pages on its paths through the trees, the free list. */
const BASE_BYTES = 64 * PAGE_BYTES

/**
 * An LMDB environment used the one way that was found to be safe: binary keys and values, every commit a synchronous
 * transaction with a flush of data and meta page, errors final.
 *
 * - After an error in a commit nothing is known about the disk, and LMDB itself may be poisoned: every later call throws
 *   the same error (`DISK_FULL` as well).
 * - Reads run inside an empty write transaction. A read transaction of lmdb-js arms a timer each time it is renewed, and
 *   a thread that never returns to its event loop keeps all of them: 150 bytes a round, for ever. The write transaction
 *   costs 1 µs, always sees the newest state, and pins no pages.
 */
export class LmdbEnvironment {
  readonly path: string
  /** Length of the value that `get` gave last. */
  lastLength = 0
  readonly #db: RootDatabase<Uint8Array, Uint8Array>
  readonly #gate: StoreGate
  readonly #hooks: LmdbHooks
  readonly #space: LmdbSpace
  readonly #isRebuildable: boolean
  #broken: StoreError | undefined
  #inside = false

  constructor(options: LmdbEnvironmentOptions) {
    const { path, gate = OPEN_GATE, hooks = {}, isRebuildable = false, unsafeOverrides } = options
    this.path = path
    this.#isRebuildable = isRebuildable
    this.#gate = gate
    this.#hooks = hooks
    const dataFile = join(path, 'data.mdb')
    try {
      if (!existsSync(dataFile)) bear(path)
      // A process that was killed may have left pages that only the page cache holds; what we read now must be durable.
      flushPath(dataFile)
      checkLmdbFile(dataFile)
      this.#db = open({ path, ...LMDB_OPTIONS, ...unsafeOverrides })
      flushPath(dataFile)
      flushPath(path)
      this.#space = new LmdbSpace(path)
    } catch (error) {
      throw isStoreError(error) ? error : lmdbStoreError(error, 'Opening', path, isRebuildable)
    }
  }

  /**
   * Runs `body`, which may get, put and remove, in one transaction; durable on return. `newBytes` is a bound on the keys
   * and values that it puts, `puts` on how many.
   */
  write(newBytes: number, puts: number, body: () => void): void {
    this.#transact(body, 'Writing', BASE_BYTES + newBytes + puts * 2 * PAGE_BYTES)
    this.#hooks.afterFlush?.()
  }

  /**
   * Runs `body`, which gets from here, and makes something durable elsewhere that nobody else may write meanwhile. An error is
   * final, as that of `write` is. `flushes`: false where it makes nothing durable after all.
   */
  hold(body: () => void, flushes: boolean): void {
    this.#transact(body, 'Writing')
    if (flushes) this.#hooks.afterFlush?.()
  }

  /** Runs `body`, which may only get. */
  view<T>(body: () => T): T {
    let result: T | undefined
    this.#transact(() => {
      result = body()
    }, 'Reading')
    return result as T
  }

  /**
   * Inside `write` or `view`: the value of a key, or undefined. The bytes are valid up to the next call of any method, and
   * only the first `lastLength` of them.
   */
  get(key: Uint8Array): Uint8Array | undefined {
    const bytes = this.#db.getBinaryFast(key)
    // The length that lmdb-js reports apart; its buffer is longer.
    this.lastLength = bytes === undefined ? 0 : (this.#db as unknown as { lastSize: number }).lastSize
    return bytes
  }

  /** A copy of the value of a key, in a transaction of its own where it is not called inside one. */
  read(key: Uint8Array): Uint8Array | undefined {
    if (!this.#inside) return this.view(() => this.read(key))
    const bytes = this.get(key)
    if (bytes === undefined) return undefined
    const copy = allocateBytes(this.lastLength)
    copy.set(bytes.subarray(0, this.lastLength))
    return copy
  }

  /** Inside `write`. LMDB copies key and value at once. The value must not be memory shared between threads. */
  put(key: Uint8Array, value: Uint8Array): void {
    // lmdb-js takes the address of the buffer behind the view; of shared memory it gets none and stores garbage.
    if (isShared(value)) throw new StoreError('STORAGE_FAILED', sharedMessage, { path: this.path })
    this.#db.putSync(key, value)
  }

  /** Inside `write`: false if there was no such key. */
  remove(key: Uint8Array): boolean {
    return this.#db.removeSync(key)
  }

  /** The first key at or above `from` and below `end`. Outside of transactions, and rarely: it arms a timer. */
  firstKey(from: Uint8Array, end: Uint8Array): Uint8Array | undefined {
    this.usable()
    this.#gate.beginCommit()
    try {
      for (const key of this.#db.getKeys({ start: from, end, limit: 1 })) return key
      return undefined
    } catch (error) {
      throw this.#break(error, 'Reading')
    } finally {
      this.#db.resetReadTxn()
      this.#gate.endCommit()
    }
  }

  /** True if it holds no key at all. */
  isEmpty(): boolean {
    return this.firstKey(Uint8Array.of(0), new Uint8Array(9).fill(255)) === undefined
  }

  resetReadTxn(): void {
    this.#db.resetReadTxn()
  }

  /** Throws if an earlier call failed. */
  usable(): void {
    if (this.#broken !== undefined) throw this.#broken
  }

  close(): void {
    this.#broken ??= new StoreError('STORAGE_FAILED', `${this.path} was closed.`, { path: this.path })
    // Nothing asynchronous is ever pending here, so this has closed the files when it returns.
    void this.#db.close()
  }

  #transact(body: () => void, doing: string, reserved = 0): void {
    this.usable()
    if (this.#inside) throw new Error('a transaction inside a transaction')
    this.#gate.beginCommit()
    this.#inside = true
    try {
      if (reserved > 0) this.#space.reserve(reserved)
      // The block body matters: of a callback that returns a promise lmdb-js makes an asynchronous transaction.
      this.#db.transactionSync(() => {
        body()
      })
    } catch (error) {
      throw this.#break(error, doing)
    } finally {
      this.#inside = false
      this.#gate.endCommit()
    }
  }

  #break(error: unknown, doing: string): unknown {
    const name = (error as { name?: unknown }).name
    const own = name === 'StoreError' || name === 'InvariantBroken'
    const typed = own ? (error as StoreError) : lmdbStoreError(error, doing, this.path, this.#isRebuildable)
    // What a reader found in one group says nothing about the environment; LMDB's own errors do.
    if (!own || doing === 'Writing') this.#broken = typed
    return typed
  }
}

/**
 * Makes an empty environment under another name and renames it: LMDB writes its first pages without a flush, and over a
 * file of which a power cut left only a part of them it crashes the process.
 */
function bear(path: string): void {
  const unborn = `${path}.new`
  rmSync(unborn, { recursive: true, force: true })
  makeDirectoryDurable(unborn)
  // Over the first page that it cannot write, LMDB crashes the process.
  new LmdbSpace(unborn).reserve(BASE_BYTES)
  void open({ path: unborn, ...LMDB_OPTIONS }).close()
  flushPath(join(unborn, 'data.mdb'))
  flushPath(unborn)
  renameSync(unborn, path)
  flushPath(dirname(path))
}

const sharedMessage = 'A value lies in memory that threads share. Copy it before it is stored.'

/** By its tag, not by its class, which differs between realms. */
export function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer[Symbol.toStringTag] === 'SharedArrayBuffer'
}
