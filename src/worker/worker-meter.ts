import { WORKER_COUNTERS, type WorkerCounter } from '../codec/worker-counters.js'
import type { Counters } from '../ring/counters.js'

/** Counts what this thread does, where the host can read it without asking. */
export class WorkerMeter {
  readonly #counters: Counters
  readonly #cells: Readonly<Record<WorkerCounter, number>>

  /** A name that the memory was not laid out for is not counted. */
  constructor(counters: Counters) {
    this.#counters = counters
    const cells = counters.cell as Readonly<Record<string, number | undefined>>
    this.#cells = Object.fromEntries(WORKER_COUNTERS.map((name) => [name, cells[name] ?? -1])) as Record<
      WorkerCounter,
      number
    >
  }

  add(name: WorkerCounter, amount = 1): void {
    const cell = this.#cells[name]
    if (cell >= 0) this.#counters.add(cell, amount)
  }
}
