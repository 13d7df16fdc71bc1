import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { open, type RootDatabase, type Transaction } from 'lmdb'
import { allocateBytes } from '../codec/own-bytes.js'
import { lmdbStoreError } from './lmdb-errors.js'
import { LMDB_OPTIONS } from './lmdb-options.js'
import { OPEN_GATE, type StoreGate } from './log-store.js'
import { isStoreError, StoreError } from './store-error.js'

/** With what the types of lmdb-js leave out. */
type Database = Omit<RootDatabase<Uint8Array, Uint8Array>, 'getBinaryFast'> & {
  getBinaryFast(key: Uint8Array, options: { transaction: Transaction }): Uint8Array | undefined
  /** The length of the value that it gave last; its buffer is longer. */
  readonly lastSize: number
}

/**
 * What an LMDB environment held at one moment, for another thread of the process that has it open and goes on writing.
 * It holds one read transaction from beginning to end: the pages that this needs are not used again before `close`, so the
 * file grows by what is written meanwhile.
 *
 * The owner has checked the file when it opened it. Checking it here would be wrong: of two meta pages read one after the
 * other, commits in between make a pair that looks damaged.
 */
export class LmdbSnapshot {
  readonly path: string
  readonly #gate: StoreGate
  readonly #db: Database
  readonly #transaction: Transaction
  #isClosed = false

  constructor(path: string, gate: StoreGate = OPEN_GATE) {
    this.path = path
    this.#gate = gate
    if (!existsSync(join(path, 'data.mdb'))) {
      const message = `There is no environment at ${path} to read. Its store has to be opened first.`
      throw new StoreError('STORAGE_FAILED', message, { path })
    }
    gate.beginCommit()
    try {
      this.#db = open<Uint8Array, Uint8Array>({ path, ...LMDB_OPTIONS }) as unknown as Database
      this.#transaction = this.#db.useReadTransaction()
    } catch (error) {
      throw lmdbStoreError(error, 'Opening', path)
    } finally {
      gate.endCommit()
    }
  }

  /** A copy of the value of a key. */
  read(key: Uint8Array): Uint8Array | undefined {
    if (this.#isClosed) throw new StoreError('STORAGE_FAILED', `${this.path} was closed.`, { path: this.path })
    this.#gate.beginCommit()
    try {
      const bytes = this.#db.getBinaryFast(key, { transaction: this.#transaction })
      if (bytes === undefined) return undefined
      const length = this.#db.lastSize
      const copy = allocateBytes(length)
      copy.set(bytes.subarray(0, length))
      return copy
    } catch (error) {
      throw isStoreError(error) ? error : lmdbStoreError(error, 'Reading', this.path)
    } finally {
      this.#gate.endCommit()
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#gate.beginCommit()
    try {
      this.#transaction.done()
      void this.#db.close()
    } finally {
      this.#gate.endCommit()
    }
  }
}
