import { assert } from '../base/assert.js'
import type { GroupIndex } from '../base/numbers.js'
import type { ScrubCursor, StateEntry, StateLoad, StatePosition, StateStore, StateWrite } from './state-store.js'
import { checkStateEntry, checkStateWrite } from './state-write-check.js'
import { StoreError, stateDamaged } from './store-error.js'

/** What "disk" holds of a group. Entries and positions are never changed in place, so images may share them. */
interface StoredState {
  position: StatePosition
  /** Copies of the head that are readable: 2, 1, 0. */
  headCopies: number
  /** By machine and key, as text of one character a byte: that sorts as the bytes do. */
  readonly entries: Map<string, StateEntry>
  readonly damaged: Set<string>
  /** The keys in order, until one comes or goes. */
  order: readonly string[] | undefined
  commits: number
}

/**
 * The state store without a disk, for the simulator and for tests: the same contract, and damage and failures on demand.
 * Everything that `commit` was given survives; `image` is what a process restarted at that moment would find.
 */
export class MemoryStateStore implements StateStore {
  readonly path = 'memory'
  readonly #states = new Map<GroupIndex, StoredState>()
  readonly #loaded = new Set<GroupIndex>()
  readonly #loads = new Map<GroupIndex, MemoryStateLoad>()
  #garbageBytes = 0
  #broken: StoreError | undefined
  #failing: 'STORAGE_FAILED' | 'DISK_FULL' | undefined

  /** A copy, unopened: its groups have to be loaded again, a failed original is whole again. Costs one word an entry. */
  image(): MemoryStateStore {
    const image = new MemoryStateStore()
    for (const [group, stored] of this.#states) {
      image.#states.set(group, { ...stored, entries: new Map(stored.entries), damaged: new Set(stored.damaged) })
    }
    image.#garbageBytes = this.#garbageBytes
    for (const load of this.#loads.values()) image.#garbageBytes += load.bytes
    return image
  }

  load(group: GroupIndex): StatePosition | undefined {
    this.#usable()
    this.#loaded.delete(group)
    const stored = this.#states.get(group)
    if (stored?.headCopies === 0) throw stateDamaged(this.path, group, 'both copies of its head are unreadable')
    this.#loaded.add(group)
    return stored?.position
  }

  get(group: GroupIndex, machine: number, key: Uint8Array): Uint8Array | undefined {
    const stored = this.#opened(group)
    const name = nameOf(machine, key)
    if (stored?.damaged.has(name)) throw this.#damagedEntry(group)
    return stored?.entries.get(name)?.value
  }

  *range(
    group: GroupIndex,
    machine: number,
    from: Uint8Array,
    end?: Uint8Array,
    reverse = false,
  ): IterableIterator<StateEntry> {
    const stored = this.#opened(group)
    if (stored === undefined) return
    stored.order ??= [...stored.entries.keys()].sort()
    const { order, commits } = stored
    const low = placeOf(order, nameOf(machine, from))
    const high = placeOf(order, end === undefined ? machineName(machine + 1) : nameOf(machine, end))
    for (let n = 0; n < high - low; n++) {
      this.#usable()
      const unchanged = this.#states.get(group) === stored && stored.commits === commits
      assert(unchanged, `group ${group}: a range was read on after a commit`)
      const name = order[reverse ? high - 1 - n : low + n] ?? ''
      if (stored.damaged.has(name)) throw this.#damagedEntry(group)
      yield stored.entries.get(name) as StateEntry
    }
  }

  commit(writes: readonly StateWrite[]): void {
    this.#usable()
    const groups = new Set<GroupIndex>()
    for (const write of writes) {
      const stored = this.#opened(write.group)
      assert(!groups.has(write.group), `group ${write.group} stands twice in one commit`)
      groups.add(write.group)
      checkStateWrite(write, stored?.position)
      for (const [machine, changes] of write.changes)
        for (const { key } of changes)
          if (stored?.damaged.has(nameOf(machine, key))) throw this.#damagedEntry(write.group)
    }
    this.#failIfTold()
    for (const write of writes) this.#commitGroup(write)
  }

  beginLoad(group: GroupIndex): StateLoad {
    this.#usable()
    assert(!this.#loads.has(group), `group ${group} is being loaded already`)
    const load = new MemoryStateLoad(group, {
      write: () => {
        this.#usable()
        this.#failIfTold()
      },
      end: (position) => {
        this.#loads.delete(group)
        if (position === undefined) {
          this.#garbageBytes += load.bytes
          return
        }
        this.drop(group)
        this.#states.set(group, bornState(position, load.entries))
      },
    })
    this.#loads.set(group, load)
    return load
  }

  scrub(group: GroupIndex, cursor: ScrubCursor | undefined, maxBytes: number): ScrubCursor | undefined {
    const stored = this.#opened(group)
    if (stored === undefined) return undefined
    stored.order ??= [...stored.entries.keys()].sort()
    let bytes = 0
    for (let i = cursor === undefined ? 0 : placeOf(stored.order, text(cursor)); i < stored.order.length; i++) {
      const name = stored.order[i] ?? ''
      if (bytes > 0 && bytes >= maxBytes) return Uint8Array.from(Buffer.from(name, 'latin1'))
      if (stored.damaged.has(name)) throw this.#damagedEntry(group)
      bytes += name.length + (stored.entries.get(name)?.value.length ?? 0)
    }
    return undefined
  }

  drop(group: GroupIndex): void {
    this.#usable()
    this.#failIfTold()
    const stored = this.#states.get(group)
    for (const [name, { value }] of stored?.entries ?? []) this.#garbageBytes += name.length + value.length
    this.#states.delete(group)
    this.#loaded.add(group)
  }

  collect(maxBytes: number): boolean {
    this.#usable()
    if (this.#garbageBytes === 0) return false
    this.#failIfTold()
    this.#garbageBytes = Math.max(0, this.#garbageBytes - Math.max(1, maxBytes))
    return true
  }

  endRound(): void {}

  close(): void {
    this.#broken ??= new StoreError('STORAGE_FAILED', `${this.path} was closed.`, { path: this.path })
  }

  /** The next commit throws this, and nothing of it is stored. */
  failNextCommit(code: 'STORAGE_FAILED' | 'DISK_FULL' = 'STORAGE_FAILED'): void {
    this.#failing = code
  }

  damageHead(group: GroupIndex, copies: 1 | 2): void {
    this.#stored(group).headCopies = 2 - copies
  }

  /** Whatever has to read it throws. */
  damageEntry(group: GroupIndex, machine: number, key: Uint8Array): void {
    this.#stored(group).damaged.add(nameOf(machine, key))
  }

  #stored(group: GroupIndex): StoredState {
    const stored = this.#states.get(group)
    assert(stored !== undefined, `group ${group} has no state`)
    return stored
  }

  #opened(group: GroupIndex): StoredState | undefined {
    this.#usable()
    assert(this.#loaded.has(group), `the state of group ${group} was not loaded`)
    return this.#states.get(group)
  }

  #commitGroup({ group, position, changes }: StateWrite): void {
    const stored = this.#states.get(group) ?? bornState(position, new Map())
    this.#states.set(group, stored)
    stored.position = ownPosition(position)
    stored.headCopies = 2
    stored.commits++
    for (const [machine, ofMachine] of changes) {
      for (const { key, value } of ofMachine) {
        const name = nameOf(machine, key)
        const had = stored.entries.has(name)
        if (had !== (value !== undefined)) stored.order = undefined
        if (value === undefined) stored.entries.delete(name)
        else stored.entries.set(name, { key: new Uint8Array(key), value: new Uint8Array(value) })
      }
    }
  }

  #usable(): void {
    if (this.#broken !== undefined) throw this.#broken
  }

  #failIfTold(): void {
    if (this.#failing === undefined) return
    this.#broken = new StoreError(this.#failing, 'The simulated disk failed.', { path: this.path })
    throw this.#broken
  }

  #damagedEntry(group: GroupIndex): StoreError {
    return stateDamaged(this.path, group, 'a block does not have the checksum that its parent has for it')
  }
}

interface LoadHooks {
  write(): void
  /** `position` undefined: broken off. */
  end(position: StatePosition | undefined): void
}

class MemoryStateLoad implements StateLoad {
  readonly entries = new Map<string, StateEntry>()
  bytes = 0
  readonly #group: GroupIndex
  readonly #hooks: LoadHooks
  #last: { machine: number; key: Uint8Array } | undefined
  #ended = false

  constructor(group: GroupIndex, hooks: LoadHooks) {
    this.#group = group
    this.#hooks = hooks
  }

  add(machine: number, entries: Iterable<StateEntry>): void {
    this.#open()
    const before = this.#last?.machine ?? 0
    assert(machine >= before, `group ${this.#group}: machine ${machine} is loaded behind machine ${before}`)
    for (const { key, value } of entries) {
      checkStateEntry(this.#group, machine, key, value, this.#last?.machine === machine ? this.#last.key : undefined)
      this.#last = { machine, key: new Uint8Array(key) }
      this.entries.set(nameOf(machine, key), { key: this.#last.key, value: new Uint8Array(value) })
      this.bytes += key.length + value.length
    }
    this.#hooks.write()
  }

  finish(position: StatePosition): void {
    this.#open()
    this.#hooks.write()
    this.#ended = true
    this.#hooks.end(position)
  }

  abort(): void {
    if (this.#ended) return
    this.#ended = true
    this.#hooks.end(undefined)
  }

  #open(): void {
    assert(!this.#ended, `group ${this.#group}: the load has ended`)
  }
}

function bornState(position: StatePosition, entries: Map<string, StateEntry>): StoredState {
  return {
    position: ownPosition(position),
    headCopies: 2,
    entries,
    damaged: new Set(),
    order: undefined,
    commits: 0,
  }
}

function ownPosition({ executedUpTo, chain, digest, builtIn }: StatePosition): StatePosition {
  return { executedUpTo, chain, digest, builtIn: new Uint8Array(builtIn) }
}

function machineName(machine: number): string {
  return machine > 0xffff ? '\u0100' : String.fromCharCode(machine >> 8, machine & 255)
}

function nameOf(machine: number, key: Uint8Array): string {
  return machineName(machine) + text(key)
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

/** The first place whose name is not below. */
function placeOf(order: readonly string[], name: string): number {
  let low = 0
  let high = order.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((order[middle] ?? '') < name) low = middle + 1
    else high = middle
  }
  return low
}
