import { assert } from '../base/assert.js'
import type { GroupIndex, Instance } from '../base/numbers.js'
import { type DurableState, EMPTY_HEAD, type Head, type LogRecord } from '../core/durable.js'
import { GroupLedger } from './group-ledger.js'
import type { GroupWrite, LogStore } from './log-store.js'
import { StoreError } from './store-error.js'

/** What "disk" holds of a group. Records are never changed in place, so images may share them. */
interface StoredGroup {
  head: Head
  /** Copies of the head that are readable: 2, 1, 0. */
  headCopies: number
  /** The record of instance `i` at `i - base`. */
  records: (LogRecord | undefined)[]
  base: Instance
  readonly damaged: Set<Instance>
}

/**
 * The log store without a disk, for the simulator and for tests: the same contract, and damage and failures on demand.
 * Everything that `commit` was given survives; `image` is what a process restarted at that moment would find.
 */
export class MemoryLogStore implements LogStore {
  readonly path = 'memory'
  readonly #groups: Map<GroupIndex, StoredGroup>
  readonly #ledgers = new Map<GroupIndex, GroupLedger>()
  #broken: StoreError | undefined
  #failing: 'STORAGE_FAILED' | 'DISK_FULL' | undefined
  #commits = 0

  constructor() {
    this.#groups = new Map()
  }

  /** A copy, unopened: its groups have to be loaded again, a failed original is whole again. Costs one word a record. */
  image(): MemoryLogStore {
    const image = new MemoryLogStore()
    for (const [group, stored] of this.#groups) {
      image.#groups.set(group, { ...stored, records: stored.records.slice(), damaged: new Set(stored.damaged) })
    }
    return image
  }

  load(group: GroupIndex): DurableState | undefined {
    this.#usable()
    this.#ledgers.delete(group)
    const stored = this.#groups.get(group)
    if (stored === undefined) return undefined
    if (stored.headCopies <= 0) throw this.#damagedGroup(group, 'both copies of its head are unreadable')
    const { head } = stored
    const ledger = new GroupLedger(group, head, head.firstKept)
    const tail: LogRecord[] = []
    for (let instance = head.chosenUpTo + 1; instance <= head.lastAccepted; instance++) {
      const record = stored.records[instance - stored.base]
      if (record === undefined) throw this.#damagedGroup(group, `its accepted record ${instance} is missing`)
      if (stored.damaged.has(instance)) throw this.#damagedGroup(group, `its accepted record ${instance} is unreadable`)
      ledger.note(instance, 0)
      tail.push(copyOf(record))
    }
    this.#ledgers.set(group, ledger)
    return { head, tail }
  }

  create(groups: readonly GroupIndex[]): void {
    this.#usable()
    this.#failIfTold()
    for (const group of groups) {
      if (this.#groups.has(group)) continue
      this.#groups.set(group, { head: EMPTY_HEAD, headCopies: 2, records: [], base: 1, damaged: new Set() })
      this.#ledgers.set(group, new GroupLedger(group, EMPTY_HEAD, EMPTY_HEAD.firstKept))
    }
  }

  commit(writes: readonly GroupWrite[]): void {
    this.#usable()
    const commit = ++this.#commits
    for (const write of writes) {
      const ledger = this.#ledgers.get(write.group)
      assert(ledger !== undefined, `group ${write.group} was neither loaded nor created`)
      assert(ledger.lastCommit !== commit, `group ${write.group} stands twice in one commit`)
      ledger.lastCommit = commit
      ledger.check(write)
      for (const { value, instance } of write.records) {
        const shared = value.buffer[Symbol.toStringTag] === 'SharedArrayBuffer'
        assert(!shared, `the value of instance ${instance} lies in memory that threads share: copy it first`)
      }
    }
    this.#failIfTold()
    for (const write of writes) this.#commitGroup(write)
  }

  read(group: GroupIndex, from: Instance, upTo: Instance, maxBytes: number): LogRecord[] {
    this.#usable()
    const found: LogRecord[] = []
    const stored = this.#groups.get(group)
    let bytes = 0
    for (let instance = from; stored !== undefined && instance <= upTo; instance++) {
      const record = stored.records[instance - stored.base]
      if (record === undefined) break
      bytes += record.value.length
      if (bytes > maxBytes && found.length > 0) break
      if (stored.damaged.has(instance)) {
        if (found.length > 0) break
        const message = `Record ${instance} of group ${group} is damaged. A peer can give it again.`
        throw new StoreError('RECORD_DAMAGED', message, { path: this.path, group, instance })
      }
      found.push(copyOf(record))
    }
    return found
  }

  get hasUnflushed(): boolean {
    return false
  }

  setRelaxed(): void {
    this.#usable()
  }

  flush(): void {
    this.#usable()
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

  damageRecord(group: GroupIndex, instance: Instance): void {
    this.#stored(group).damaged.add(instance)
  }

  /** As if an index page had lost it: there is no trace of it. */
  loseRecord(group: GroupIndex, instance: Instance): void {
    const stored = this.#stored(group)
    stored.records[instance - stored.base] = undefined
  }

  #stored(group: GroupIndex): StoredGroup {
    const stored = this.#groups.get(group)
    assert(stored !== undefined, `group ${group} was never created`)
    return stored
  }

  #commitGroup({ group, records, head }: GroupWrite): void {
    const stored = this.#stored(group)
    const ledger = this.#ledgers.get(group)
    ledger?.advance(head.chosenUpTo)
    if (head.firstKept > stored.base) {
      stored.records.splice(0, head.firstKept - stored.base)
      stored.base = head.firstKept
    }
    for (const record of records) {
      ledger?.note(record.instance, 0)
      stored.damaged.delete(record.instance)
      if (record.instance >= stored.base) stored.records[record.instance - stored.base] = copyOf(record)
    }
    ledger?.settle(head)
    stored.head = head
    stored.headCopies = 2
  }

  #usable(): void {
    if (this.#broken !== undefined) throw this.#broken
  }

  #failIfTold(): void {
    if (this.#failing === undefined) return
    this.#broken = new StoreError(this.#failing, 'The simulated disk failed.', { path: this.path })
    throw this.#broken
  }

  #damagedGroup(group: GroupIndex, what: string): StoreError {
    return new StoreError('GROUP_DAMAGED', `Group ${group} is damaged: ${what}.`, { path: this.path, group })
  }
}

/** The caller may reuse the memory of a value that it gave, and owns what it gets. */
function copyOf({ instance, ballot, recoveredTo, version, value }: LogRecord): LogRecord {
  return { instance, ballot, recoveredTo, version, value: new Uint8Array(value) }
}
