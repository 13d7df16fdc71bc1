import type { Millis } from '../base/numbers.js'
import { Queue } from '../base/queue.js'
import { COMMAND_HEADER_BYTES } from '../codec/command-body.js'
import { RUN_HEADER_BYTES } from '../codec/commands.js'
import { RunBuilder } from '../codec/run-builder.js'
import type { OwnRun } from '../core/input.js'

export interface RunBounds {
  /** A run and its header stay below it, so that it fits an instance; a single command of any size may always be. */
  readonly batchBytes: number
  readonly batchCount: number
}

/**
 * The commands of this node's callers on their way into one group: gathered into runs, held back while the core has
 * enough of them, and remembered until they end, so that every one of them ends exactly once.
 */
export class OwnRuns {
  /** Runs that the core has, by first sequence: their counts. */
  readonly #open = new Map<number, number>()
  readonly #held = new Queue<OwnRun>()
  readonly #builder = new RunBuilder()
  readonly #bounds: RunBounds
  #sequence = 0
  #cutUpTo = 0
  #deadline: Millis = 0
  #heldBytes = 0

  constructor(bounds: RunBounds) {
    this.#bounds = bounds
  }

  /** Bytes that wait outside of the core. */
  get heldBytes(): number {
    return this.#heldBytes + this.#builder.byteLength
  }

  /** The last sequence that was added. */
  get readUpTo(): number {
    const { count } = this.#builder
    return count > 0 ? this.#sequence + count - 1 : this.#cutUpTo
  }

  get openRuns(): number {
    return this.#open.size
  }

  /** One command, copied out of `source`. Runs are of consecutive sequences. */
  add(
    sequence: number,
    machineId: number,
    flags: number,
    source: Uint8Array,
    offset: number,
    length: number,
    deadline: Millis,
  ): void {
    const builder = this.#builder
    const { batchBytes, batchCount } = this.#bounds
    if (builder.count > 0) {
      const bytes = RUN_HEADER_BYTES + builder.byteLength + COMMAND_HEADER_BYTES + length
      if (bytes > batchBytes || builder.count >= batchCount || sequence !== this.#sequence + builder.count) this.cut()
    }
    if (builder.count === 0) {
      this.#sequence = sequence
      this.#deadline = deadline
    } else if (deadline > this.#deadline) this.#deadline = deadline
    builder.add(machineId, flags, source, offset, length)
  }

  /** Ends the run that is being gathered. */
  cut(): void {
    const count = this.#builder.count
    if (count === 0) return
    const body = this.#builder.take()
    this.#cutUpTo = this.#sequence + count - 1
    this.#heldBytes += body.length
    this.#held.push({ sequence: this.#sequence, count, body, deadline: this.#deadline })
  }

  /** The next run for the core, which is open from now on. */
  take(): OwnRun | undefined {
    const run = this.#held.shift()
    if (run === undefined) return undefined
    this.#heldBytes -= run.body.length
    this.#open.set(run.sequence, run.count)
    return run
  }

  /** False: nobody waits for this run any more, because it ended when the group was rebuilt. */
  isOpen(sequence: number): boolean {
    return this.#open.has(sequence)
  }

  end(sequence: number): boolean {
    return this.#open.delete(sequence)
  }

  /** Ends everything: runs that the core had may still take effect, those it never saw will not. */
  endAll(end: (sequence: number, count: number, proposed: boolean) => void): void {
    this.cut()
    for (const [sequence, count] of this.#open) end(sequence, count, true)
    this.#open.clear()
    for (let run = this.#held.shift(); run !== undefined; run = this.#held.shift()) end(run.sequence, run.count, false)
    this.#heldBytes = 0
  }
}
