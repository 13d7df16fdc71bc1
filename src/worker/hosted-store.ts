import type { GroupIndex, Instance, Millis } from '../base/numbers.js'
import type { SyncMode } from '../codec/worker-task.js'
import type { DurableState, LogRecord } from '../core/durable.js'
import { describeThrown } from '../state-machine/execute-failure.js'
import type { GroupWrite, LogStore } from '../store/log-store.js'
import type { StateStore, StateWrite } from '../store/state-store.js'
import { isStoreError, type StoreError } from '../store/store-error.js'
import { BackOff } from './back-off.js'
import type { GroupHost } from './group-host.js'
import type { WakeUp } from './wake-up.js'

/** A slice of what replaced states have left, a durable commit each, and the pause between two of them. */
const TIDY_BYTES = 1024 * 1024
const TIDY_MS = 50

/** What made a store unusable, as its groups and the host hear of it. */
export interface StoreFailure {
  readonly code: string
  readonly message: string
  readonly path: string
}

export interface StoreOpeners {
  log(): LogStore
  /** Absent where no machine keeps anything in the state environment. */
  readonly state: ((damaged?: StoreError) => StateStore) | undefined
}

/** One store of this thread with the groups in it: what fails here stops these groups, and no others. */
export class HostedStore {
  readonly path: string
  readonly groups: GroupHost[] = []
  /** Since the start of the worker, with the time they took. */
  commits = 0
  commitMs = 0
  readonly #openers: StoreOpeners
  readonly #backOff = new BackOff()
  readonly #wakeUp: WakeUp
  #log: LogStore
  #state: StateStore | undefined
  #failure: StoreFailure | undefined
  /** Earlier lives may have left something. */
  #tidyAt: Millis = 0
  #sync: SyncMode
  /** When what was committed has to be flushed; never, as long as that is left to the store. */
  #flushAt: Millis = Number.POSITIVE_INFINITY

  /** What is opened here is opened again after a full disk; what that throws the first time is the caller's. */
  constructor(path: string, openers: StoreOpeners, wakeUp: WakeUp, sync: SyncMode) {
    this.path = path
    this.#wakeUp = wakeUp
    this.#openers = openers
    this.#sync = sync
    this.#log = openers.log()
    try {
      this.#log.setRelaxed(sync !== 'always')
      this.#state = openers.state?.()
    } catch (error) {
      this.#log.close()
      throw error
    }
  }

  get log(): LogStore {
    return this.#log
  }

  /** Undefined where no machine keeps anything in it. */
  get state(): StateStore | undefined {
    return this.#state
  }

  get failure(): StoreFailure | undefined {
    return this.#failure
  }

  /** Creates those of `born` that were never here, in one commit. Any other group that is missing is damaged. */
  createMissing(born: ReadonlySet<GroupIndex>, now: Millis): void {
    const missing: GroupIndex[] = []
    try {
      for (const { group } of this.groups) if (born.has(group) && !this.#isThere(group)) missing.push(group)
      if (missing.length > 0) this.#log.create(missing)
    } catch (error) {
      this.fail(error, now)
    }
  }

  /** Builds all groups from what is on disk. */
  build(now: Millis): void {
    if (this.#failure !== undefined) return
    const states = this.groups.map(({ group }) => this.load(group, now))
    for (const [i, host] of this.groups.entries()) {
      const state = states[i]
      if (state !== undefined) host.build(state, now)
    }
  }

  /** What is on disk of a group; undefined if that is not to be had, and then the group or the store has failed. */
  load(group: GroupIndex, now: Millis): DurableState | undefined {
    try {
      const state = this.#log.load(group)
      if (state !== undefined) return state
      // Never an empty group: whatever it had promised is forgotten.
      const message = `group ${group} is not in ${this.path}, where it was created`
      this.#damaged(group, { code: 'GROUP_DAMAGED', message, path: this.path })
    } catch (error) {
      const failure = this.#describe(error)
      if (failure.code === 'GROUP_DAMAGED') this.#damaged(group, failure)
      else this.fail(error, now)
    }
    return undefined
  }

  /** One durable commit. False: it failed, and every group of this store is silent before anything else can be sent. */
  commit(writes: readonly GroupWrite[], now: Millis): boolean {
    try {
      this.#log.commit(writes)
      this.#planFlush(now)
      return true
    } catch (error) {
      this.fail(error, now)
      return false
    }
  }

  /** From its return on commits are as the mode says, or why not; a store that has failed takes it on when it is opened again. */
  setSync(mode: SyncMode, now: Millis): StoreFailure | undefined {
    this.#sync = mode
    this.#flushAt = Number.POSITIVE_INFINITY
    if (this.#failure !== undefined) return this.#failure
    try {
      this.#log.setRelaxed(mode !== 'always')
      // What waited under another mode has waited long enough.
      if (typeof mode === 'object') this.#log.flush()
    } catch (error) {
      this.fail(error, now)
    }
    return this.#failure
  }

  flushIfDue(now: Millis): void {
    if (now < this.#flushAt || this.#failure !== undefined) return
    this.#flushAt = Number.POSITIVE_INFINITY
    try {
      this.#log.flush()
    } catch (error) {
      this.fail(error, now)
    }
  }

  /** The state of some groups, in one durable commit. False: nothing was stored, and whose fault it is has been told. */
  commitState(writes: readonly StateWrite[], now: Millis): boolean {
    try {
      this.#state?.commit(writes)
      return true
    } catch (error) {
      const damaged = isStoreError(error) && error.code === 'STATE_DAMAGED' ? error.group : undefined
      const host = this.groups.find(({ group }) => group === damaged)
      if (host === undefined) this.fail(error, now)
      else host.stateDamaged(error, now)
      return false
    }
  }

  /** Records for a peer; none if they cannot be read. */
  read(group: GroupIndex, from: Instance, upTo: Instance, maxBytes: number, now: Millis): LogRecord[] {
    try {
      return this.#log.read(group, from, upTo, maxBytes)
    } catch (error) {
      // One unreadable record is this node's own trouble: the peer asks another one.
      if (!isStoreError(error) || error.code !== 'RECORD_DAMAGED') this.fail(error, now)
      return []
    }
  }

  /**
   * The state environment is damaged beyond one group: another takes its place, and all groups begin again without it. No
   * vote depends on it. False: it is something else.
   */
  renewState(error: unknown, now: Millis): boolean {
    const open = this.#openers.state
    if (!isStoreError(error) || error.code !== 'STORE_DAMAGED' || error.path !== this.#state?.path) return false
    if (open === undefined || this.#failure !== undefined) return false
    this.#state.close()
    try {
      this.#state = open(error)
    } catch (failure) {
      this.fail(failure, now)
      return true
    }
    for (const host of this.groups) host.restart(now)
    return true
  }

  /** From here on nothing of this store is believed, unless it is only its state that is damaged. */
  fail(error: unknown, now: Millis): void {
    if (this.#failure !== undefined || this.renewState(error, now)) return
    this.#failure = this.#describe(error)
    this.#tryLater(now)
    for (const group of this.groups) group.storageFailed(this.#failure)
  }

  /** After a full disk: opening ends with a fresh durable commit, so it fails until there is space again. */
  tryReopen(now: Millis): boolean {
    if (this.#failure === undefined) return false
    if (now < this.#backOff.due) {
      this.#wakeUp.by(this.#backOff.due)
      return false
    }
    this.#backOff.trying()
    this.close()
    try {
      this.#log = this.#openers.log()
      this.#log.setRelaxed(this.#sync !== 'always')
      this.#state = this.#openers.state?.()
    } catch (error) {
      this.#failure = this.#describe(error)
      this.#tryLater(now)
      return false
    }
    this.#failure = undefined
    this.#backOff.succeeded()
    this.build(now)
    return true
  }

  /** Gives back, slice by slice, what replaced states have left. */
  tidy(now: Millis): void {
    if (now < this.#tidyAt || this.#failure !== undefined || this.#state === undefined) return
    try {
      this.#tidyAt = this.#state.collect(TIDY_BYTES) ? now + TIDY_MS : Number.POSITIVE_INFINITY
    } catch (error) {
      this.fail(error, now)
    }
    this.#wakeUp.by(this.#tidyAt)
  }

  /** There may be something to tidy: a state was replaced, or dropped. */
  tidySoon(): void {
    this.#tidyAt = 0
  }

  /** Asks to be woken when something of this store is due. */
  arm(): void {
    if (this.#failure !== undefined) return
    if (this.#state !== undefined) this.#wakeUp.by(this.#tidyAt)
    this.#wakeUp.by(this.#flushAt)
  }

  endRound(): void {
    if (this.#failure !== undefined) return
    this.#log.endRound()
    this.#state?.endRound()
  }

  close(): void {
    this.#log.close()
    this.#state?.close()
  }

  #planFlush(now: Millis): void {
    if (!this.#log.hasUnflushed) this.#flushAt = Number.POSITIVE_INFINITY
    else if (typeof this.#sync === 'object') this.#flushAt = Math.min(this.#flushAt, now + this.#sync.intervalMs)
    this.#wakeUp.by(this.#flushAt)
  }

  #damaged(group: GroupIndex, failure: StoreFailure): void {
    this.groups.find((host) => host.group === group)?.storageFailed(failure)
  }

  /** Space comes back by itself; after any other failure, what the page cache holds says nothing about the disk. */
  #tryLater(now: Millis): void {
    if (this.#failure?.code !== 'DISK_FULL') return
    this.#backOff.failed(now)
    this.#wakeUp.by(this.#backOff.due)
  }

  #isThere(group: GroupIndex): boolean {
    try {
      return this.#log.load(group) !== undefined
    } catch (error) {
      // Damaged is not absent: `build` will say so.
      if (isStoreError(error) && error.code === 'GROUP_DAMAGED') return true
      throw error
    }
  }

  #describe(error: unknown): StoreFailure {
    const known = isStoreError(error)
    return {
      code: known ? error.code : 'STORAGE_FAILED',
      message: describeThrown(error),
      path: known ? error.path : this.path,
    }
  }
}
