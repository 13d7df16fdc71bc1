import { type BinaryKey, binaryOf, bytesOf } from './binary-key.js'
import { type Change, ChangedKey } from './changed-key.js'
import { ChangesBefore } from './changes-before.js'
import { Copier } from './copier.js'
import { KeyCursor, SortedKeys } from './sorted-keys.js'
import { UndoList } from './undo-list.js'

/**
 * The state of the stored machines of a group as last committed. What it gives stays unchanged, and is not written to,
 * until the next commit. What it throws is no fault of a machine: it comes out of the machine set as it is.
 */
export interface StateReads {
  get(machine: number, key: Uint8Array): Uint8Array | undefined
  /** Entries with `from <= key < end`, ascending, or descending with `reverse`; `end` undefined: to the last one. */
  range(
    machine: number,
    from: Uint8Array,
    end: Uint8Array | undefined,
    reverse: boolean,
  ): IterableIterator<{ readonly key: Uint8Array; readonly value: Uint8Array }>
}

export interface StateChange {
  readonly key: Uint8Array
  /** Undefined: the key is removed, if it is there. */
  readonly value: Uint8Array | undefined
}

type Phase = 'idle' | 'command' | 'query'

/**
 * What one machine has changed since the last commit, laid over the state as last committed. A command either leaves all
 * of its changes or none. Between `beginCommand` or `beginQuery` and their ends only may it be read.
 */
export class WriteSet {
  /** Keys and values of the changes. */
  bytes = 0
  /** What the last read of the committed state threw: user code may have caught it, and its state is wrong. */
  failedRead: { readonly error: unknown } | undefined

  readonly #machine: number
  readonly #reads: StateReads
  readonly #changes = new Map<BinaryKey, ChangedKey>()
  /** The one looked for last: most commands read a key and then change it. */
  #latest: ChangedKey | undefined
  /** Made when a range is asked for; keys of undone commands may stay in it. */
  #sorted: SortedKeys | undefined
  /** Keys that have come since it was brought up to date. */
  readonly #unsorted: BinaryKey[] = []
  readonly #undo = new UndoList()
  /** Of the values; all are given up together. */
  readonly #copier = new Copier()
  #phase: Phase = 'idle'
  /** Commands and queries so far: an iteration ends with its call. */
  #calls = 0

  constructor(machine: number, reads: StateReads) {
    this.#machine = machine
    this.#reads = reads
  }

  get isEmpty(): boolean {
    return this.#changes.size === 0
  }

  beginCommand(): void {
    this.#phase = 'command'
    this.#calls++
  }

  keepCommand(): void {
    this.#undo.clear()
    this.#phase = 'idle'
  }

  undoCommand(): void {
    for (let i = this.#undo.length - 1; i >= 0; i--) {
      const changed = this.#undo.changed(i)
      const before = this.#undo.before(i)
      this.#account(changed.key, changed.change, before)
      if (before === undefined) this.#changes.delete(changed.key)
      else changed.undo(before)
    }
    this.#latest = undefined
    this.keepCommand()
  }

  beginQuery(): void {
    this.#phase = 'query'
    this.#calls++
  }

  endQuery(): void {
    this.#phase = 'idle'
  }

  /** The caller must not write to it, nor keep it beyond the call. */
  get(key: BinaryKey): Uint8Array | undefined {
    if (this.#phase === 'idle') throw this.#misused()
    const changed = this.#changed(key)
    return changed === undefined ? this.#stored(key) : (changed.change ?? undefined)
  }

  /** Keeps a copy of `value`. */
  put(key: BinaryKey, value: Uint8Array): void {
    const changed = this.#toChange(key)
    const room = changed.room(value.length, this.#calls)
    room?.set(value)
    this.#change(changed, room ?? this.#copier.copy(value))
  }

  remove(key: BinaryKey): void {
    this.#change(this.#toChange(key), null)
  }

  /** The entries as they are now, each fetched when it is asked for; the caller must not write to the values. */
  range(
    from: BinaryKey,
    end: BinaryKey | undefined,
    reverse: boolean,
  ): IterableIterator<readonly [BinaryKey, Uint8Array]> {
    if (this.#phase === 'idle') throw this.#misused()
    const before = new ChangesBefore(this.#changes, this.#undo)
    const cursor = new KeyCursor(this.#inOrder(), from, end, reverse)
    return this.#merge(this.#calls, cursor, before, this.#storedRange(from, end, reverse), reverse)
  }

  /** Ascending, each key once. Valid until the next command. */
  changes(): readonly StateChange[] {
    const keys = [...this.#changes.keys()].sort()
    return keys.map((key) => ({ key: bytesOf(key), value: this.#changes.get(key)?.change ?? undefined }))
  }

  /** They are in the committed state now. */
  committed(): void {
    this.#changes.clear()
    this.#latest = undefined
    this.#sorted = undefined
    this.#unsorted.length = 0
    this.bytes = 0
  }

  #changed(key: BinaryKey): ChangedKey | undefined {
    if (this.#latest?.key !== key) this.#latest = this.#changes.get(key)
    return this.#latest
  }

  #toChange(key: BinaryKey): ChangedKey {
    if (this.#phase === 'query') throw new Error(`a query must not change the state of machine ${this.#machine}`)
    if (this.#phase === 'idle') throw this.#misused()
    return this.#changed(key) ?? new ChangedKey(key)
  }

  #change(changed: ChangedKey, change: Change): void {
    const { key, change: before } = changed
    this.#undo.push(changed, before)
    this.#account(key, before, change)
    changed.become(change, this.#calls)
    if (before !== undefined) return
    this.#changes.set(key, changed)
    this.#latest = changed
    if (this.#sorted !== undefined) this.#unsorted.push(key)
  }

  #account(key: BinaryKey, before: Change | undefined, after: Change | undefined): void {
    if (before !== undefined) this.bytes -= key.length + (before?.length ?? 0)
    if (after !== undefined) this.bytes += key.length + (after?.length ?? 0)
  }

  #inOrder(): SortedKeys {
    // One by one costs more than sorting all once many have come.
    if (this.#sorted === undefined || this.#unsorted.length > this.#changes.size / 4)
      this.#sorted = new SortedKeys([...this.#changes.keys()].sort())
    else for (const key of this.#unsorted) this.#sorted.add(key)
    this.#unsorted.length = 0
    return this.#sorted
  }

  *#merge(
    call: number,
    cursor: KeyCursor,
    before: ChangesBefore,
    entries: Generator<StoredEntry>,
    reverse: boolean,
  ): Generator<readonly [BinaryKey, Uint8Array]> {
    const inCall = () => {
      if (this.#phase === 'idle' || this.#calls !== call) throw this.#misused()
    }
    const nextChanged = () => {
      for (;;) {
        const key = cursor.next()
        // Else it came after the iteration began, or belongs to a command that was undone.
        if (key === undefined || before.get(key) !== undefined) return key
      }
    }
    inCall()
    try {
      let stored = next(entries)
      let changed = nextChanged()
      while (stored !== undefined || changed !== undefined) {
        const isChanged =
          changed !== undefined && (stored === undefined || (reverse ? changed >= stored.key : changed <= stored.key))
        const key = isChanged ? changed! : stored!.key
        const value = isChanged ? before.get(key) : stored!.value
        if (value) {
          yield [key, value]
          inCall()
        }
        if (stored?.key === key) stored = next(entries)
        if (isChanged) changed = nextChanged()
      }
    } finally {
      entries.return(undefined)
    }
  }

  *#storedRange(from: BinaryKey, end: BinaryKey | undefined, reverse: boolean): Generator<StoredEntry> {
    try {
      const endBytes = end === undefined ? undefined : bytesOf(end)
      for (const { key, value } of this.#reads.range(this.#machine, bytesOf(from), endBytes, reverse))
        yield { key: binaryOf(key), value }
    } catch (error) {
      this.failedRead = { error }
      throw error
    }
  }

  #stored(key: BinaryKey): Uint8Array | undefined {
    try {
      return this.#reads.get(this.#machine, bytesOf(key))
    } catch (error) {
      this.failedRead = { error }
      throw error
    }
  }

  #misused(): Error {
    const what = `the state of machine ${this.#machine}`
    return new Error(`${what} is there while execute or query runs; what was kept of an earlier call is void`)
  }
}

interface StoredEntry {
  readonly key: BinaryKey
  readonly value: Uint8Array
}

function next(entries: Iterator<StoredEntry>): StoredEntry | undefined {
  const step = entries.next()
  return step.done ? undefined : step.value
}
