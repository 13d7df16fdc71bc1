import { type BinaryKey, binaryOf, bytesOf } from './binary-key.js'
import { ChangesBefore } from './changes-before.js'
import { KeyCursor, SortedKeys } from './sorted-keys.js'

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

/** What became of a key since the last commit: its new value; null: removed. */
export type Change = Uint8Array | null

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
  readonly #changes = new Map<BinaryKey, Change>()
  /** Made when a range is asked for; keys of undone commands may stay in it. */
  #sorted: SortedKeys | undefined
  /** Keys that have come since it was brought up to date. */
  readonly #unsorted: BinaryKey[] = []
  /** Of the command at hand: each key that it changed, with what `#changes` had before, in the order of the changes. */
  readonly #undoKeys: BinaryKey[] = []
  readonly #undoChanges: (Change | undefined)[] = []
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
    this.#undoKeys.length = 0
    this.#undoChanges.length = 0
    this.#phase = 'idle'
  }

  undoCommand(): void {
    for (let i = this.#undoKeys.length - 1; i >= 0; i--) {
      const key = this.#undoKeys[i]!
      const before = this.#undoChanges[i]
      this.#account(key, this.#changes.get(key), before)
      if (before === undefined) this.#changes.delete(key)
      else this.#changes.set(key, before)
    }
    this.keepCommand()
  }

  beginQuery(): void {
    this.#phase = 'query'
    this.#calls++
  }

  endQuery(): void {
    this.#phase = 'idle'
  }

  /** The caller must not write to it. */
  get(key: BinaryKey): Uint8Array | undefined {
    if (this.#phase === 'idle') throw this.#misused()
    const change = this.#changes.get(key)
    return change === undefined ? this.#stored(key) : (change ?? undefined)
  }

  /** Keeps `value` itself. */
  put(key: BinaryKey, value: Uint8Array): void {
    this.#change(key, value)
  }

  remove(key: BinaryKey): void {
    this.#change(key, null)
  }

  /** The entries as they are now, each fetched when it is asked for; the caller must not write to the values. */
  range(
    from: BinaryKey,
    end: BinaryKey | undefined,
    reverse: boolean,
  ): IterableIterator<readonly [BinaryKey, Uint8Array]> {
    if (this.#phase === 'idle') throw this.#misused()
    const before = new ChangesBefore(this.#changes, this.#undoKeys, this.#undoChanges)
    const cursor = new KeyCursor(this.#inOrder(), from, end, reverse)
    return this.#merge(this.#calls, cursor, before, this.#storedRange(from, end, reverse), reverse)
  }

  /** Ascending, each key once. Valid until the next command. */
  changes(): readonly StateChange[] {
    const keys = [...this.#changes.keys()].sort()
    return keys.map((key) => ({ key: bytesOf(key), value: this.#changes.get(key) ?? undefined }))
  }

  /** They are in the committed state now. */
  committed(): void {
    this.#changes.clear()
    this.#sorted = undefined
    this.#unsorted.length = 0
    this.bytes = 0
  }

  #change(key: BinaryKey, change: Change): void {
    if (this.#phase === 'query') throw new Error(`a query must not change the state of machine ${this.#machine}`)
    if (this.#phase === 'idle') throw this.#misused()
    const before = this.#changes.get(key)
    this.#undoKeys.push(key)
    this.#undoChanges.push(before)
    this.#account(key, before, change)
    this.#changes.set(key, change)
    if (before === undefined && this.#sorted !== undefined) this.#unsorted.push(key)
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
