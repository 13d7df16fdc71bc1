import type { LmdbEnvironmentOptions } from '../../../src/store/lmdb-environment.js'
import { lmdbStoreError } from '../../../src/store/lmdb-errors.js'
import { OPEN_GATE, type StoreGate } from '../../../src/store/log-store.js'
import { StoreError } from '../../../src/store/store-error.js'
import type { Drive } from './drive.js'

const drives = new Map<string, Drive>()

/** From now on whoever opens `drive.path` gets this drive. */
export function mount(drive: Drive): void {
  drives.set(drive.path, drive)
}

export function driveAt(path: string): Drive {
  const drive = drives.get(path)
  if (drive === undefined) throw new Error(`nothing is mounted at ${path}`)
  return drive
}

const SLACK = 16

/**
 * Stands in for `LmdbEnvironment` below the real `LmdbLogStore`: the same methods with the same contract, over a disk
 * in memory. A transaction is on the disk as a whole or not at all.
 *
 * @public Its importer is written by tree.ts.
 */
export class SimEnvironment {
  readonly path: string
  lastLength = 0
  private readonly drive: Drive
  private readonly gate: StoreGate
  private broken: StoreError | undefined
  private changes: Map<string, Uint8Array | undefined> | undefined
  /** What `get` hands out, written over by the next call as LMDB's own buffer is. */
  private readonly scratch = new Uint8Array(64 * 1024).fill(0xee)

  constructor({ path, gate = OPEN_GATE }: LmdbEnvironmentOptions) {
    this.path = path
    this.gate = gate
    this.drive = driveAt(path)
    this.drive.open()
  }

  write(_newBytes: number, _puts: number, body: () => void): void {
    this.transact('Writing', () => {
      this.drive.beginWrite()
      const changes = new Map<string, Uint8Array | undefined>()
      this.changes = changes
      body()
      this.drive.flush(changes)
    })
  }

  hold(body: () => void): void {
    this.transact('Writing', () => {
      this.changes = new Map()
      body()
    })
  }

  view<T>(body: () => T): T {
    let result: T | undefined
    this.transact('Reading', () => {
      this.drive.beginRead()
      this.changes = new Map()
      result = body()
    })
    return result as T
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const name = nameOf(key)
    const { changes } = this
    if (changes === undefined) throw new Error('get outside of a transaction')
    const value = changes.has(name) ? changes.get(name) : this.drive.disk.values.get(name)
    this.scratch.fill(0xee, 0, this.lastLength)
    this.lastLength = value?.length ?? 0
    if (value === undefined) return undefined
    this.scratch.set(value)
    return this.scratch.subarray(0, value.length + SLACK)
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.writing().set(nameOf(key), value.slice())
  }

  remove(key: Uint8Array): boolean {
    const name = nameOf(key)
    const changes = this.writing()
    const was = changes.has(name) ? changes.get(name) !== undefined : this.drive.disk.values.has(name)
    changes.set(name, undefined)
    return was
  }

  firstKey(from: Uint8Array, end: Uint8Array): Uint8Array | undefined {
    this.usable()
    const [low, high] = [nameOf(from), nameOf(end)]
    let first: string | undefined
    for (const name of this.drive.disk.values.keys()) {
      if (name >= low && name < high && (first === undefined || name < first)) first = name
    }
    return first === undefined ? undefined : new Uint8Array(Buffer.from(first, 'latin1'))
  }

  isEmpty(): boolean {
    return this.drive.disk.values.size === 0
  }

  resetReadTxn(): void {}

  close(): void {
    this.broken ??= new StoreError('STORAGE_FAILED', `${this.path} was closed.`, { path: this.path })
  }

  private writing(): Map<string, Uint8Array | undefined> {
    if (this.changes === undefined) throw new Error('put outside of a transaction')
    return this.changes
  }

  private usable(): void {
    if (this.broken !== undefined) throw this.broken
  }

  private transact(doing: 'Reading' | 'Writing', body: () => void): void {
    this.usable()
    if (this.changes !== undefined) throw new Error('a transaction inside a transaction')
    this.gate.beginCommit()
    try {
      body()
    } catch (error) {
      const name = (error as { name?: unknown }).name
      const own = name === 'StoreError' || name === 'InvariantBroken'
      const typed = own ? (error as StoreError) : lmdbStoreError(error, doing, this.path)
      if (!own || doing === 'Writing') this.broken = typed
      throw typed
    } finally {
      this.changes = undefined
      this.gate.endCommit()
    }
  }
}

/** Keys in the order of their bytes. */
export function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}
