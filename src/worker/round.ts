import type { GroupIndex, Millis } from '../base/numbers.js'
import type { PortChange } from '../codec/port-news.js'
import { ALL_GROUPS, type WorkerCommand } from '../codec/worker-records.js'
import { TIMER_KINDS } from '../core/timers.js'
import type { DueBits } from '../ring/due-bits.js'
import { GatePhase } from '../ring/gate-word.js'
import type { PortMemory } from '../ring/port-memory.js'
import type { GroupWrite } from '../store/log-store.js'
import { textOf } from './events.js'
import type { GroupHost } from './group-host.js'
import type { HostedStore } from './hosted-store.js'
import type { InboxSource, InboxTarget } from './inbox.js'
import { Inboxes } from './inboxes.js'
import { Pace } from './pace.js'
import type { StageNotes } from './stage-notes.js'
import type { Workplace } from './workplace.js'

/**
 * One turn of a worker over everything that waits, for all of its groups:
 *
 *   what is visible is fixed, then the clock is read  ->  inputs, `drained`  ->  what need not wait for the disk leaves
 *   ->  ONE commit per store  ->  `persisted`  ->  what had to wait leaves  ->  execution within its budget  ->  replies
 *
 * While the disk works, the next turn's inputs gather in the rings: batching by load, with no timer.
 */
export class Round implements InboxTarget {
  readonly hosts: readonly GroupHost[]
  isStopping = false
  readonly #place: Workplace
  readonly #stores: readonly HostedStore[]
  readonly #inbox: Inboxes
  readonly #due: DueBits
  readonly #pace: Pace
  readonly #notes: StageNotes | undefined
  readonly #byGroup: (GroupHost | undefined)[] = []
  readonly #dueTimers: number[] = []
  /** Groups to be looked after in this round, or (from its end on) in the next. */
  #touched: GroupHost[] = []
  #next: GroupHost[] = []
  /** Where execution begins: the groups take turns at the budget. */
  #turn = 0
  #reportAt: Millis = Number.POSITIVE_INFINITY
  readonly #isIdle = (): boolean => this.#inbox.isEmpty && this.#due.isEmpty()

  /** `notes`: only while stages are sampled. */
  constructor(
    place: Workplace,
    stores: readonly HostedStore[],
    hosts: readonly GroupHost[],
    source: InboxSource & { readonly due: DueBits },
    nextPortChange: () => PortChange<PortMemory> | undefined,
    notes?: StageNotes,
  ) {
    this.#place = place
    this.#stores = stores
    this.hosts = hosts
    for (const host of hosts) this.#byGroup[host.group] = host
    this.#inbox = new Inboxes(source, place, this, nextPortChange)
    this.#due = source.due
    this.#pace = new Pace(place.clock)
    this.#notes = notes
  }

  host(group: GroupIndex): GroupHost | undefined {
    return this.#byGroup[group]
  }

  touch(host: GroupHost): void {
    if (host.isTouched) return
    host.isTouched = true
    this.#touched.push(host)
  }

  stop(): void {
    this.isStopping = true
  }

  portsChanged(): void {
    this.#inbox.portsChanged()
  }

  /** Every store takes the mode on, one that has failed with its next opening; the host hears of the first that has not. */
  onCommand({ mode, asked }: WorkerCommand, now: Millis): void {
    const failures = this.#stores.map((store) => store.setSync(mode, now)).filter((failure) => failure !== undefined)
    const [failure] = failures.map(({ code, message }) => ({ code, message: textOf(message) }))
    this.#place.outbox.event(ALL_GROUPS, { kind: 'sync-set', asked, ...(failure === undefined ? {} : { failure }) })
  }

  /** Builds all groups. `born`: those that may be made, because this is the birth of the cluster or of the groups. */
  start(born: ReadonlySet<GroupIndex>): void {
    const now = this.#place.clock.now()
    for (const store of this.#stores) {
      store.createMissing(born, now)
      for (const { keeper } of store.groups) keeper.settle(now)
      store.build(now)
    }
    for (const host of this.hosts) this.touch(host)
  }

  /** True while there is something left to do without a new input. */
  run(): boolean {
    const { gate, clock, meter, outbox } = this.#place
    gate.enter(GatePhase.round)
    meter.add('rounds')
    this.#inbox.snapshot()
    this.#due.take((index) => this.#dueTimers.push(index))
    // After what this round reads is fixed, and before anything is proposed: no input is from after `now`.
    const now = clock.now()
    if (this.#place.wakeUp.isDue(now)) this.#recover(now)
    this.#inbox.drainControl(now)
    this.#fireTimers(now)
    meter.lap('controlMs')
    this.#notes?.look(this.#touched, 'accepted', 'chosen')
    this.#inbox.drainCommands()
    meter.lap('commandsMs')
    this.#notes?.look(this.#touched, 'read')
    for (const host of this.#touched) {
      host.propose(now)
      host.step({ kind: 'drained' }, now)
      host.emit(now)
    }
    // Before the host can see it: what is noted after that may be older there than its answer.
    this.#notes?.look(this.#touched, 'sent')
    outbox.publish()
    meter.lap('proposeMs')
    for (const store of this.#stores) this.#commit(store, now)
    for (const host of this.#touched) host.serve(now)
    this.#notes?.look(this.#touched, 'sent', 'chosen')
    outbox.publish()
    meter.lap('persistedMs')
    this.#execute(now)
    meter.lap('executeMs')
    this.#keep(now)
    this.#report(now)
    const more = this.#carryOver()
    outbox.publish()
    this.#inbox.publish()
    for (const store of this.#stores) store.endRound()
    meter.lap('reportMs')
    return more
  }

  /** Nothing to read: to be asked again after a park is announced. */
  get stillEmpty(): () => boolean {
    return this.#isIdle
  }

  /** How long a park may last, in milliseconds. */
  parkMs(): number {
    const at = Math.min(this.#reportAt, this.#place.wakeUp.at)
    return at === Number.POSITIVE_INFINITY ? at : Math.max(0, at - this.#place.clock.now())
  }

  /** Writes what every group stands at, so that the next start has nothing to look for and to execute; then the stores are closed. */
  finish(): void {
    const now = this.#place.clock.now()
    for (const store of this.#stores) {
      const writes = store.groups.map((host) => host.lastWrite()).filter((write) => write !== undefined)
      if (store.failure === undefined && writes.length > 0) store.commit(writes, now)
      // The heads that were just written cover everything.
      const hosts = store.groups.filter(({ keeper }) => keeper.mayCommitState(now))
      if (store.failure === undefined) this.#commitStates(store, hosts, now)
    }
    this.closeStores()
    for (const host of this.hosts) host.stopped(now)
    this.#place.outbox.publish()
    this.#inbox.publish()
  }

  /** Without another commit: this worker ends, by whatever way. */
  closeStores(): void {
    for (const store of this.#stores) store.close()
  }

  #fireTimers(now: Millis): void {
    const timers = this.#dueTimers
    if (timers.length === 0) return
    for (const index of timers) {
      const host = this.hosts[Math.floor(index / TIMER_KINDS.length)]
      if (host === undefined) continue
      this.touch(host)
      host.due(index % TIMER_KINDS.length, now)
    }
    this.#place.meter.add('timers', timers.length)
    timers.length = 0
  }

  /** One durable commit for all groups of one store; what it made true may leave after it, and not before. */
  #commit(store: HostedStore, now: Millis): void {
    const writes: GroupWrite[] = []
    const writers: GroupHost[] = []
    for (const host of this.#touched) {
      if (host.store !== store) continue
      const write = host.write()
      if (write === undefined) continue
      writes.push(write)
      writers.push(host)
    }
    if (writes.length === 0) return
    const { clock, meter } = this.#place
    meter.lap('proposeMs')
    const before = clock.now()
    if (!store.commit(writes, now)) return
    const tookMs = clock.now() - before
    meter.lap('commitMs')
    this.#notes?.look(writers, 'committed')
    store.commits++
    store.commitMs += tookMs
    meter.add('commits')
    for (const { records } of writes) {
      meter.add('recordsWritten', records.length)
      for (const { value } of records) meter.add('bytesWritten', value.length)
    }
    for (const host of writers) host.persisted(now)
  }

  #execute(now: Millis): void {
    const touched = this.#touched
    if (!touched.some((host) => host.wantsExecution)) return
    const { limits, outbox } = this.#place
    this.#pace.begin(limits.executionBudgetMs)
    const start = this.#turn % touched.length
    for (let i = 0; i < touched.length; i++) {
      const host = touched[(start + i) % touched.length] as GroupHost
      if (!host.wantsExecution) continue
      if (this.#pace.isSpent()) break
      this.#turn = start + i + 1
      host.execute(this.#pace, now)
      this.#notes?.look([host], 'executed')
      outbox.publish()
      this.#inbox.publish()
    }
  }

  /** What outlives the logs: states are committed, checkpoints taken and loaded, logs trimmed. */
  #keep(now: Millis): void {
    for (const store of this.#stores) {
      if (store.state === undefined || store.failure !== undefined) continue
      if (store.groups.some(({ keeper }) => keeper.isStateDue(now))) this.#keepStates(store, now)
      store.tidy(now)
    }
    const { meter } = this.#place
    meter.lap('stateCommitMs')
    for (const host of this.hosts) {
      host.keeper.afterRound(now)
      if (host.wantsRound || host.wantsCommit) this.touch(host)
    }
    meter.lap('keepMs')
  }

  /**
   * The states of all groups of a store that may be committed, with one flush. First the log says what is chosen there: a
   * state is never ahead of it.
   */
  #keepStates(store: HostedStore, now: Millis): void {
    const hosts = store.groups.filter(({ keeper }) => keeper.mayCommitState(now))
    const behind = hosts.filter(({ core }) => core?.isSaveable === false)
    for (const host of behind) {
      host.step({ kind: 'save' }, now)
      this.touch(host)
    }
    if (behind.length > 0) this.#commit(store, now)
    if (store.failure !== undefined) return
    this.#commitStates(
      store,
      hosts.filter(({ core }) => core?.isSaveable === true),
      now,
    )
    for (const host of behind) host.serve(now)
  }

  #commitStates(store: HostedStore, hosts: readonly GroupHost[], now: Millis): void {
    const writes = hosts.map((host) => ({ host, write: host.keeper.stateWrite(now) }))
    const ready = writes.flatMap(({ host, write }) => (write === undefined ? [] : [{ host, write }]))
    if (ready.length === 0) return
    const { clock, meter } = this.#place
    const changedBytes = ready.reduce((sum, { host }) => sum + (host.execution?.machines.changedBytes ?? 0), 0)
    const before = clock.now()
    const stored = store.commitState(
      ready.map(({ write }) => write),
      now,
    )
    const tookMs = clock.now() - before
    meter.add('stateCommits')
    if (stored)
      for (const { host, write } of ready) host.keeper.commits.committed(write, before + tookMs, tookMs, changedBytes)
  }

  /** Failures whose back-off is over, and what waits for its flush. */
  #recover(now: Millis): void {
    for (const store of this.#stores) {
      if (store.tryReopen(now)) for (const host of store.groups) this.touch(host)
      store.flushIfDue(now)
      store.arm()
    }
    for (const host of this.hosts) {
      if (host.tryRebuild(now)) this.touch(host)
      host.keeper.arm(now)
    }
  }

  #report(now: Millis): void {
    let hosts: readonly GroupHost[] = this.#touched
    if (now >= this.#reportAt) {
      this.#reportAt = Number.POSITIVE_INFINITY
      hosts = this.hosts
    }
    for (const host of hosts) this.#reportAt = Math.min(this.#reportAt, host.report(now))
  }

  /** Groups that are not done stay touched; true if there are any. */
  #carryOver(): boolean {
    const done = this.#touched
    const next = this.#next
    for (const host of done) {
      host.isTouched = host.wantsCommit || host.wantsExecution || host.wantsProposal || host.wantsRound
      if (host.isTouched) next.push(host)
    }
    done.length = 0
    this.#touched = next
    this.#next = done
    return next.length > 0
  }
}
