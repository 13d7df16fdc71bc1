import type { GroupIndex, Instance } from '../base/numbers.js'
import { valueCodec } from '../codec/commands.js'
import type { Value } from '../core/command-run.js'
import type { Head, LogRecord } from '../core/durable.js'
import type { PlannedRun } from '../core/execution.js'
import { SessionTable } from '../core/sessions.js'
import { GatePhase, UserCode, type WorkerGate } from '../ring/gate-word.js'
import { CheckpointFailure } from './checkpoint-failure.js'
import type { Clock } from './clock.js'
import { Executor, type ReplySink } from './executor.js'
import { LogReader } from './log-reader.js'
import type { MemoryBase } from './memory-base.js'
import { Pace } from './pace.js'
import type { Rest } from './rest.js'

/** The log of a group whose thread goes on with it meanwhile. */
export interface ReplayLog {
  readonly path: string
  head(group: GroupIndex): Head
  read(group: GroupIndex, from: Instance, upTo: Instance, maxBytes: number): LogRecord[]
}

export interface ReplayPlace {
  readonly group: GroupIndex
  readonly gate: WorkerGate
  readonly clock: Clock
  readonly rest: Rest
  readonly sessionInstances: number
}

const NOBODY: ReplySink = { begin: () => false, open() {}, add() {}, close() {}, end() {} }

/** Executes a part of a log once more, with the machines in memory alone, and with the verdicts that the group came to. */
export class Replay {
  readonly sessions: SessionTable
  /** Executed up to here. */
  instance: Instance
  /** The checksum chain there. */
  chain: number
  readonly #place: ReplayPlace
  readonly #log: ReplayLog
  readonly #reader: LogReader
  readonly #executor: Executor
  readonly #base: MemoryBase

  constructor(place: ReplayPlace, log: ReplayLog, base: MemoryBase) {
    this.#place = place
    this.#log = log
    this.#base = base
    this.#reader = new LogReader(place.group)
    this.#executor = new Executor(base.machines, NOBODY)
    this.sessions = new SessionTable(place.sessionInstances, base.sessions)
    this.instance = base.instance
    this.chain = base.chain
  }

  /**
   * Executes up to and with an instance, then proves by the head of the log that what was executed is what was chosen: as
   * far as the head goes, which may be short of the last few. Throws ExecuteFailure, StoreError, CheckpointFailure.
   */
  to(upTo: Instance): void {
    const { gate, group, clock } = this.#place
    const head = this.#log.head(group)
    const pace = new Pace(clock)
    const progress = () => gate.progress()
    pace.begin(Number.POSITIVE_INFINITY)
    gate.enter(GatePhase.user, group, UserCode.execute)
    while (this.instance < upTo) {
      const value = this.#next(upTo)
      this.#check(head)
      this.#executor.begin(this.instance, this.#plan(value))
      this.#executor.advance(pace, progress)
      this.#place.rest.look()
    }
    gate.enter(GatePhase.round, group)
    this.#proveTo(head)
  }

  #plan(value: Value): PlannedRun[] {
    return valueCodec
      .decode(value)
      .map((run) => ({ run, verdict: this.sessions.apply(run, this.instance), own: false }))
  }

  /** The chain goes on over what was chosen since, up to the head. */
  #proveTo(head: Head): void {
    const { instance, chain } = this
    while (this.instance < head.chosenUpTo) {
      this.#next(head.chosenUpTo)
      this.#place.rest.look()
    }
    this.#check(head)
    this.instance = instance
    this.chain = chain
  }

  #next(upTo: Instance): Value {
    const instance = this.instance + 1
    const value = this.#reader.read(this.#log, instance, upTo)
    if (value === undefined) throw this.#missing(instance)
    this.instance = instance
    this.chain = valueCodec.checksum(value, this.chain)
    return value
  }

  #check({ chosenUpTo, chain }: Head): void {
    if (this.instance !== chosenUpTo || this.chain === chain) return
    const message = `the records of group ${this.#place.group} in ${this.#log.path} up to ${chosenUpTo} are sound, but not the ones that were chosen`
    throw new CheckpointFailure('CHECKPOINT_FAILED', message)
  }

  #missing(instance: Instance): CheckpointFailure {
    const { unreadable } = this.#base
    const [cause] = unreadable
    const from = `a replay from instance ${this.#base.instance} on`
    const why = cause === undefined ? '' : `; a newer checkpoint cannot be used: ${cause.message}`
    const message = `record ${instance} of group ${this.#place.group} is not in ${this.#log.path}, as ${from} wants it${why}`
    return new CheckpointFailure('CHECKPOINT_FAILED', message, cause && { cause })
  }
}
