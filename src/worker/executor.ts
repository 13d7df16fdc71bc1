import type { Instance } from '../base/numbers.js'
import { CommandReader } from '../codec/command-body.js'
import type { PlannedRun } from '../core/execution.js'
import type { MachineSet } from '../state-machine/machine-set.js'
import type { Outcome } from '../state-machine/outcome.js'
import type { Pace } from './pace.js'

/** Where the outcomes of own runs go. */
export interface ReplySink {
  /** Whether somebody waits for the run that begins with `sequence`. */
  begin(sequence: number): boolean
  /** The next outcomes are those of `sequence` on, whose command stands at `index` of `instance`. */
  open(sequence: number, instance: Instance, index: number): void
  add(outcome: Outcome): void
  /** The outcomes up to here may leave; others write in between. */
  close(): void
  /** The run that began with `sequence` has all of its outcomes. */
  end(sequence: number): void
}

/** Executes the runs of one instance after another, and can stop between any two commands. */
export class Executor {
  readonly machines: MachineSet
  commands = 0
  readonly #replies: ReplySink
  readonly #reader = new CommandReader()
  #runs: readonly PlannedRun[] = []
  #run = 0
  #instance: Instance = 0
  /** The place in the instance of the first command of the present run. */
  #index = 0
  #inRun = false
  #replying = false

  constructor(machines: MachineSet, replies: ReplySink) {
    this.machines = machines
    this.#replies = replies
  }

  /** True between two instances: nothing of one is half done. */
  get isIdle(): boolean {
    return this.#run === this.#runs.length
  }

  begin(instance: Instance, runs: readonly PlannedRun[]): void {
    this.#instance = instance
    this.#runs = runs
    this.#run = 0
    this.#index = 0
    this.#inRun = false
  }

  /** Goes on with the instance until it is executed (true) or the pace is spent; `progress` is called now and then. */
  advance(pace: Pace, progress: () => void): boolean {
    for (; this.#run < this.#runs.length; this.#run++) {
      const planned = this.#runs[this.#run] as PlannedRun
      if (planned.verdict === 'execute' && !this.#executeRun(planned, pace, progress)) return false
      this.#index += planned.run.count
      this.#inRun = false
    }
    return true
  }

  #executeRun({ run, own }: PlannedRun, pace: Pace, progress: () => void): boolean {
    const reader = this.#reader
    const replies = this.#replies
    if (!this.#inRun) {
      this.#inRun = true
      reader.reset(run.body)
      this.#replying = own && replies.begin(run.sequence)
    }
    const first = reader.index + 1
    if (this.#replying) replies.open(run.sequence + first, this.#instance, this.#index + first)
    while (reader.next()) {
      const outcome = this.machines.execute(reader, this.#instance, this.#index + reader.index)
      this.commands++
      if (this.#replying) replies.add(outcome)
      if (!pace.looked()) continue
      progress()
      if (!pace.isSpent() || reader.index + 1 === run.count) continue
      if (this.#replying) replies.close()
      return false
    }
    if (this.#replying) {
      replies.close()
      replies.end(run.sequence)
    }
    return true
  }
}
