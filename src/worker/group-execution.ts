import type { GroupIndex, Instance } from '../base/numbers.js'
import type { Value } from '../core/command-run.js'
import type { Group } from '../core/group.js'
import { GatePhase, isCondemned, UserCode } from '../ring/gate-word.js'
import { type EncodedPayload, type MachineHome, MachineSet } from '../state-machine/machine-set.js'
import type { Outcome } from '../state-machine/outcome.js'
import type { LogStore } from '../store/log-store.js'
import { isStoreError } from '../store/store-error.js'
import { Executor, type ReplySink } from './executor.js'
import { LogReader } from './log-reader.js'
import type { Pace } from './pace.js'
import type { Workplace } from './workplace.js'

/** A chosen record is missing or damaged: nothing after it can be executed until it is learned again. */
export class LogUnreadable extends Error {
  override readonly name = 'LogUnreadable'
  readonly instance: Instance

  constructor(instance: Instance, options?: ErrorOptions) {
    super(`the chosen value of instance ${instance} is not in the log`, options)
    this.instance = instance
  }
}

/** The state machines of one group, from one build of it to the next, and where they stand in the log. */
export class GroupExecution {
  readonly #place: Workplace
  readonly #group: GroupIndex
  readonly #executor: Executor
  readonly #reader: LogReader
  readonly #progress: () => void
  /** Of all results up to the last instance that is executed as a whole, or to `digestUpTo` while that is ahead. */
  digest = 0
  /** Of all values that were executed since this build. */
  valueBytes = 0

  /** Throws `ExecuteFailure` if a machine cannot be made or opened. */
  constructor(place: Workplace, group: GroupIndex, replies: ReplySink, home: MachineHome) {
    this.#place = place
    this.#group = group
    this.#reader = new LogReader(group)
    this.#progress = () => place.gate.progress()
    place.gate.enter(GatePhase.user, group, UserCode.execute)
    try {
      const machines = new MachineSet(place.machines, place.payloads, place.limits.maxResultBytes, home)
      this.#executor = new Executor(machines, replies)
    } finally {
      place.gate.enter(GatePhase.round)
    }
  }

  get machines(): MachineSet {
    return this.#executor.machines
  }

  /** Nothing of an instance is half executed. */
  get isIdle(): boolean {
    return this.#executor.isIdle
  }

  /** The machines stand at a position with this digest, though not all of them may be as far. */
  startDigest(digest: number, upTo: Instance): void {
    this.machines.startDigest(digest, upTo)
    this.digest = digest
  }

  /** Runs code of the user that is not `execute`: snapshots and the like. */
  asUser<T>(body: () => T): T {
    const { gate } = this.#place
    gate.enter(GatePhase.user, this.#group, UserCode.checkpoint)
    try {
      return body()
    } finally {
      gate.enter(GatePhase.round)
    }
  }

  /** The machines are not used again. What they throw is of no interest any more. */
  close(): void {
    try {
      this.asUser(() => this.machines.close())
    } catch (error) {
      if (isCondemned(error)) throw error
    }
  }

  /** Since this build. */
  get commands(): number {
    return this.#executor.commands
  }

  /**
   * Executes what is chosen, calling `executed` after each instance, until everything is (false), the pace is spent
   * (true), or `executed` says that this is the end (false). Throws `ExecuteFailure`, `StoreError`, `LogUnreadable`, and
   * what the core throws.
   */
  run(core: Group, log: LogStore, pace: Pace, executed: (instance: Instance) => boolean): boolean {
    const { gate, meter } = this.#place
    const before = this.#executor.commands
    gate.enter(GatePhase.user, this.#group, UserCode.execute)
    try {
      for (;;) {
        const instance = core.executedUpTo + 1
        if (this.#executor.isIdle) {
          if (instance > core.chosenUpTo) return false
          const value = this.#value(core, log, instance)
          this.#executor.begin(instance, core.planExecution(instance, value))
          this.valueBytes += value.length
        }
        if (!this.#executor.advance(pace, this.#progress)) return true
        this.digest = this.#executor.machines.digest
        if (!executed(instance)) return false
        meter.add('instancesExecuted')
        pace.looked()
        if (pace.isSpent()) return core.executedUpTo < core.chosenUpTo
      }
    } finally {
      meter.add('commandsExecuted', this.#executor.commands - before)
      gate.enter(GatePhase.round)
    }
  }

  /** Throws StoreError where the state cannot be read. */
  query(payload: EncodedPayload): Outcome {
    const { gate, meter } = this.#place
    meter.add('queries')
    gate.enter(GatePhase.user, this.#group, UserCode.query)
    try {
      return this.machines.query(payload)
    } finally {
      gate.enter(GatePhase.round)
    }
  }

  #value(core: Group, log: LogStore, instance: Instance): Value {
    const value = core.chosenValue(instance) ?? this.#read(core, log, instance)
    if (value === undefined) throw new LogUnreadable(instance)
    return value
  }

  #read(core: Group, log: LogStore, instance: Instance): Value | undefined {
    try {
      return this.#reader.read(log, instance, core.chosenUpTo)
    } catch (error) {
      if (isStoreError(error) && error.code === 'RECORD_DAMAGED') throw new LogUnreadable(instance, { cause: error })
      throw error
    }
  }
}
