import { InvariantBroken } from '../base/assert.js'
import type { GroupIndex, Instance, Millis } from '../base/numbers.js'
import type { GroupState } from '../codec/worker-records.js'
import type { GroupConfig } from '../core/config.js'
import type { DurableState } from '../core/durable.js'
import { clearEffects, createEffects } from '../core/effects.js'
import { Group } from '../core/group.js'
import type { Input } from '../core/input.js'
import { isCondemned } from '../ring/gate-word.js'
import { ExecuteFailure } from '../state-machine/execute-failure.js'
import type { GroupWrite } from '../store/log-store.js'
import { isStoreError } from '../store/store-error.js'
import { BackOff } from './back-off.js'
import { alarm, executeFailedEvent, failureEvent, textOf } from './events.js'
import { type Asked, GroupCallers } from './group-callers.js'
import { GroupExecution, LogUnreadable } from './group-execution.js'
import { GroupKeeper, type GroupPaths } from './group-keeper.js'
import type { GroupPhase } from './group-phase.js'
import { GroupServing } from './group-serving.js'
import { GroupTimers } from './group-timers.js'
import type { HostedStore, StoreFailure } from './hosted-store.js'
import type { Pace } from './pace.js'
import { StatusReport } from './status-report.js'
import type { Workplace } from './workplace.js'

/**
 * One group in its worker: the core, its state machines, its callers, and the interpreter of its effects. The round
 * (round.ts) calls it in order; nothing here calls the round.
 */
export class GroupHost {
  readonly group: GroupIndex
  readonly store: HostedStore
  readonly place: Workplace
  /** Of all jitter of the group. */
  readonly seed: number
  readonly callers: GroupCallers
  readonly keeper: GroupKeeper
  /** In the round's list of groups to be looked after. */
  isTouched = false
  phase: GroupPhase = 'running'
  readonly #config: GroupConfig
  readonly #effects = createEffects()
  readonly #timers: GroupTimers
  readonly #serving: GroupServing
  readonly #backOff = new BackOff()
  #core: Group | undefined
  #execution: GroupExecution | undefined
  /** Chosen on disk at the latest build: below it the group replays what others have seen long ago. */
  #replayUpTo: Instance = 0
  /** The latest chosen instance whose record the log did not give back; 0: none. Execution waits for it. */
  #unreadableAt: Instance = 0
  /** Executed past it, a failure of the machine is a new one. */
  #failedAfter: Instance = 0
  /** Of the latest step. */
  #now: Millis = 0
  readonly #report = new StatusReport()
  readonly #executed = (instance: Instance): boolean => {
    this.step({ kind: 'executed', instance }, this.#now)
    this.emit(this.#now)
    return this.phase === 'running'
  }

  constructor(place: Workplace, group: GroupIndex, store: HostedStore, config: GroupConfig, paths: GroupPaths) {
    this.group = group
    this.store = store
    this.callers = new GroupCallers(group, place.sequences, config.tuning)
    this.place = place
    this.#config = config
    this.seed = config.seed
    this.keeper = new GroupKeeper(this, paths)
    this.#serving = new GroupServing(this)
    this.#timers = new GroupTimers((timer, delayMs) => place.outbox.timer(group, timer, delayMs))
  }

  get core(): Group | undefined {
    return this.#core
  }

  get execution(): GroupExecution | undefined {
    return this.#execution
  }

  /** Tells the host how the group stands, if that has changed; the time to call again, infinite if there is none. */
  report(now: Millis): Millis {
    return this.#report.report(this, this.place.outbox, now)
  }

  get state(): GroupState {
    if (this.phase === 'silent') return 'failed'
    if (this.phase === 'stopped') return 'stopped'
    if (this.phase === 'retrying') return 'restarting'
    return (this.#core?.executedUpTo ?? 0) < this.#replayUpTo ? 'catching-up' : 'running'
  }

  /** Starts from what the store holds: with the worker, after a machine's failure, after a full disk. */
  build(durable: DurableState, now: Millis): void {
    this.#clear()
    this.#timers.clear()
    this.#unreadableAt = 0
    this.phase = 'running'
    this.#replayUpTo = durable.head.chosenUpTo
    let failure: unknown
    try {
      this.#execution = new GroupExecution(this.place, this.group, this.callers, this.keeper.home)
    } catch (error) {
      failure = error
    }
    const start = this.keeper.start(durable.head.chosenUpTo, now)
    if (start === undefined) return
    try {
      this.#core = new Group(this.#config, durable, start.base)
      this.#core.start(now, this.#effects)
    } catch (error) {
      this.fail(error)
      return
    }
    for (const [peer, link] of this.place.links) this.step({ kind: 'link', peer, ...link }, now)
    if (failure !== undefined) this.executionFailed(failure, now)
    else if (!this.keeper.fill(start, now)) return
    this.keeper.built(start, now)
  }

  /** True if it was rebuilt, because its back-off after a machine's failure is over. */
  tryRebuild(now: Millis): boolean {
    if (this.phase !== 'retrying') return false
    if (now < this.#backOff.due) {
      this.place.wakeUp.by(this.#backOff.due)
      return false
    }
    this.#backOff.trying()
    this.rebuild(now)
    return true
  }

  step(input: Input, now: Millis): void {
    if (this.#core === undefined) return
    this.#now = now
    try {
      this.#core.step(input, now, this.#effects)
    } catch (error) {
      // A broken invariant, or whatever else comes out of pure code: this group must not go on to vote.
      this.fail(error)
    }
  }

  /** The bit of a timer was taken. */
  due(kind: number, now: Millis): void {
    const timer = this.#timers.due(kind, now)
    if (timer !== undefined) this.step({ kind: 'timer', timer }, now)
  }

  /** Hands the gathered commands to the core, as far as the bound on waiting bytes allows. */
  propose(now: Millis): void {
    const { runs } = this.callers
    if (runs.heldBytes === 0) return
    if (this.phase !== 'running') {
      this.callers.endAll()
      return
    }
    runs.cut()
    while (runs.heldBytes > 0 && (this.#core?.waitingBytes ?? 0) < this.place.limits.maxWaitingBytes) {
      const run = runs.take()
      if (run === undefined) return
      this.step({ kind: 'propose', run }, now)
    }
  }

  /** The command inbox is to be left unread: as much waits here again as the core may hold. */
  get isClogged(): boolean {
    return this.callers.runs.heldBytes >= this.place.limits.maxWaitingBytes
  }

  /** A linearizable read; its query owns its bytes. */
  read(asked: Asked, deadline: Millis, now: Millis): void {
    if (this.phase !== 'running') {
      this.callers.refuseRead(asked, 'restarted')
      return
    }
    const token = this.callers.addRead(asked)
    this.step({ kind: 'read', token, deadline }, now)
  }

  /** A read of the state as executed. */
  readLocally(asked: Asked): void {
    const execution = this.phase === 'running' ? this.#execution : undefined
    if (execution === undefined) return this.callers.refuseRead(asked, 'restarted')
    try {
      this.callers.answer(asked, execution.query(asked.query))
    } catch (error) {
      this.callers.refuseRead(asked, 'restarted')
      this.executionFailed(error, this.#now)
    }
  }

  /** Interprets all effects but those that wait for the disk. */
  emit(now: Millis): void {
    const { sends, timers, ended, queries, alarms, reads, transfers } = this.#effects
    const { outbox, meter } = this.place
    let contradicted = false
    for (const { code, instance, peer } of alarms) {
      outbox.event(this.group, alarm(code, { instance, peer }))
      contradicted ||= code === 'CONTRADICTED'
    }
    alarms.length = 0
    if (contradicted) {
      // The files stay as they are, for inspection; the other groups, and the other nodes, go on.
      this.fail(new InvariantBroken('a majority has chosen other values than this node holds'))
      return
    }
    if (sends.length > 0) {
      for (const { to, message } of sends) outbox.send(this.group, to, message)
      meter.add('sends', sends.length)
      sends.length = 0
    }
    for (const { timer, delayMs } of timers) this.#timers.set(timer, delayMs, now)
    timers.length = 0
    for (const run of ended) this.callers.ended(run)
    ended.length = 0
    this.#serving.add(reads, transfers)
    reads.length = 0
    transfers.length = 0
    for (const { token, outcome } of queries) {
      const asked = this.callers.takeRead(token)
      if (asked === undefined) continue
      if (outcome === 'ready') this.readLocally(asked)
      else this.callers.refuseRead(asked, outcome)
    }
    queries.length = 0
  }

  /** What the next commit has to hold; undefined: nothing. The records are this group's own until `persisted`. */
  write(): GroupWrite | undefined {
    const { records, head } = this.#effects
    if (this.#core === undefined || !this.wantsCommit) return undefined
    return { group: this.group, records, head: head ?? this.#core.head() }
  }

  get wantsCommit(): boolean {
    return this.#effects.records.length > 0 || this.#effects.head !== undefined
  }

  /** Checkpoints are to be read, written, or loaded. */
  get wantsRound(): boolean {
    return !this.#serving.isEmpty || this.keeper.wantsRound
  }

  /** Something chosen waits to be executed. */
  get wantsExecution(): boolean {
    const core = this.#core
    if (this.phase !== 'running' || core === undefined || core.executedUpTo >= core.chosenUpTo) return false
    if (core.isStranded) return false
    return this.#unreadableAt !== core.executedUpTo + 1 || core.chosenValue(this.#unreadableAt) !== undefined
  }

  /** Commands were held back, and the core has room again. */
  get wantsProposal(): boolean {
    const { heldBytes } = this.callers.runs
    return heldBytes > 0 && (this.#core?.waitingBytes ?? 0) < this.place.limits.maxWaitingBytes
  }

  /** The head of a clean stop, with whatever would have been in the next commit. */
  lastWrite(): GroupWrite | undefined {
    if (this.#core === undefined) return undefined
    return { group: this.group, records: this.#effects.records, head: this.#core.head() }
  }

  /** After the last commit: whoever still waits hears that this worker is gone. */
  stopped(now: Millis): void {
    this.callers.endAll()
    this.#execution?.close()
    this.keeper.close()
    this.phase = 'stopped'
    this.report(now)
  }

  /** What `write` gave is on disk. */
  persisted(now: Millis): void {
    this.#effects.records.length = 0
    this.#effects.head = undefined
    this.step({ kind: 'persisted' }, now)
    this.emit(now)
  }

  /** Reads from the log and from checkpoints what peers want, and what comes from them. After the commit. */
  serve(now: Millis): void {
    if (this.#serving.isEmpty) return
    this.#serving.run(now)
    this.emit(now)
  }

  /** Executes what is chosen; true while the pace left something over. */
  execute(pace: Pace, now: Millis): boolean {
    const core = this.#core
    if (!this.wantsExecution || core === undefined || this.#execution === undefined) return false
    try {
      const more = this.#execution.run(core, this.store.log, pace, this.#executed)
      if (core.executedUpTo > this.#failedAfter) this.#backOff.succeeded()
      return more && this.phase === 'running'
    } catch (error) {
      this.executionFailed(error, now)
      return false
    }
  }

  /** The state of the group cannot be relied on: it begins again without it, from a checkpoint and the log. */
  stateDamaged(error: unknown, now: Millis): void {
    this.place.outbox.event(this.group, failureEvent('STATE_DAMAGED', error))
    try {
      this.keeper.dropState()
    } catch (failure) {
      this.store.fail(failure, now)
      return
    }
    this.restart(now)
  }

  /** Begins again from the disk; whoever waits hears of it. A group that has failed stays as it is. */
  restart(now: Millis): void {
    if (this.#core === undefined) return
    this.callers.endAll()
    this.rebuild(now)
  }

  /** The store lost the ability to keep a promise: nothing that waited may be sent, and nothing may be voted. */
  storageFailed(failure: StoreFailure): void {
    if (this.phase === 'silent') return
    const { code, message, path } = failure
    this.place.outbox.event(this.group, alarm(code, { message: textOf(message), path }))
    this.#silence()
  }

  /** This group alone stops, for good. */
  fail(error: unknown): void {
    if (this.phase === 'silent') return
    this.place.outbox.event(this.group, failureEvent('GROUP_FAILED', error))
    this.#silence()
  }

  /** What came out of user code, or out of what it reads. */
  executionFailed(error: unknown, now: Millis): void {
    if (isCondemned(error)) throw error
    // A step within the execution has failed, and has told.
    if (this.phase !== 'running') return
    if (error instanceof LogUnreadable) {
      this.unreadable(error.instance, now)
      return
    }
    if (isStoreError(error)) {
      if (error.code === 'STATE_DAMAGED') this.stateDamaged(error, now)
      else this.store.fail(error, now)
      return
    }
    if (!(error instanceof ExecuteFailure)) {
      this.fail(error)
      return
    }
    this.place.outbox.event(this.group, executeFailedEvent(error))
    this.phase = 'retrying'
    this.#execution?.close()
    this.#execution = undefined
    this.#failedAfter = this.#core?.executedUpTo ?? 0
    this.#backOff.failed(now)
    this.place.wakeUp.by(this.#backOff.due)
    this.callers.endAll()
  }

  /** What is known chosen may be ahead of the last commit; without it the group would have to find it out again. */
  rebuild(now: Millis): void {
    const write = this.lastWrite()
    if (write !== undefined && !this.store.commit([write], now)) return
    const durable = this.store.load(this.group, now)
    if (durable !== undefined) this.build(durable, now)
  }

  /** A chosen record is lost: told once, and learned again from a peer. Until then nothing after it is executed. */
  unreadable(instance: Instance, now: Millis): void {
    if (this.#unreadableAt !== instance)
      this.place.outbox.event(this.group, alarm('RECORD_DAMAGED', { instance, path: this.store.path }))
    this.#unreadableAt = instance
    this.step({ kind: 'unreadable', instance }, now)
    this.emit(now)
  }

  #silence(): void {
    this.phase = 'silent'
    this.#clear()
    this.keeper.close()
    this.callers.endAll()
  }

  #clear(): void {
    this.#core = undefined
    this.#execution?.close()
    this.#execution = undefined
    this.#serving.clear()
    clearEffects(this.#effects)
  }
}
