import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import type { GroupIndex, Instance } from '../base/numbers.js'
import type { Head, LogRecord } from '../core/durable.js'
import { JournaledView } from './journal-view.js'
import { lmdbStoreError } from './lmdb-errors.js'
import { LMDB_OPTIONS } from './lmdb-options.js'
import { headCopyOf, recordsOf } from './log-records.js'
import { OPEN_GATE, type StoreGate } from './log-store.js'
import { isStoreError, StoreError } from './store-error.js'

/**
 * A log as another thread of its process reads it, while its owner goes on writing: LMDB shares one environment among
 * the threads that open it. It writes nothing, takes nothing over, and looks for no damage that the owner has looked for.
 *
 * Each call is a read transaction of its own, as of the last commit: one that lasts would keep every page that is freed
 * meanwhile. (The owner itself reads in write transactions, see LmdbEnvironment; they would hold up its commits here.)
 */
export class LmdbLogView {
  readonly path: string
  readonly #db: RootDatabase<Uint8Array, Uint8Array>
  readonly #gate: StoreGate
  readonly #log: JournaledView

  constructor(path: string, gate: StoreGate = OPEN_GATE) {
    this.path = path
    this.#gate = gate
    // LMDB would make a new one.
    if (!existsSync(join(path, 'data.mdb')))
      throw new StoreError('STORAGE_FAILED', `There is no log in ${path}. Look at the disk.`, { path })
    gate.beginCommit()
    try {
      this.#db = open({ path, ...LMDB_OPTIONS })
    } catch (error) {
      throw lmdbStoreError(error, 'Opening', path)
    } finally {
      gate.endCommit()
    }
    const db = this.#db as unknown as RootDatabase<Uint8Array, Uint8Array> & { readonly lastSize: number }
    const log = {
      path,
      get: (key: Uint8Array) => db.getBinaryFast(key),
      get lastLength() {
        return db.lastSize
      },
    }
    this.#log = new JournaledView(log, () => db.resetReadTxn())
  }

  /** The head of a group, from whichever copy can be read. Throws GROUP_DAMAGED if neither can. */
  head(group: GroupIndex): Head {
    return this.#view(() => {
      const first = headCopyOf(this.#log, group, 0)
      const stored = typeof first === 'string' ? headCopyOf(this.#log, group, 1) : first
      if (typeof stored !== 'string') return stored.head
      const message = `Both copies of the head of group ${group} in ${this.path} are unreadable (${String(first)}, ${stored}). The group must not vote with it.`
      throw new StoreError('GROUP_DAMAGED', message, { path: this.path, group })
    })
  }

  /** As `LogStore.read`; what was trimmed meanwhile is missing. */
  read(group: GroupIndex, from: Instance, upTo: Instance, maxBytes: number): LogRecord[] {
    return this.#view(() => recordsOf(this.#log, group, from, upTo, maxBytes))
  }

  close(): void {
    this.#gate.beginCommit()
    try {
      // Nothing asynchronous is ever pending here, so this has closed the files when it returns.
      void this.#db.close()
    } finally {
      this.#gate.endCommit()
    }
  }

  #view<T>(body: () => T): T {
    this.#gate.beginCommit()
    try {
      this.#log.refresh()
      return body()
    } catch (error) {
      throw isStoreError(error) ? error : lmdbStoreError(error, 'Reading', this.path)
    } finally {
      this.#db.resetReadTxn()
      this.#gate.endCommit()
    }
  }
}
