import { WORKER_COUNTERS, type WorkerCounter, type WorkerTime } from '../codec/worker-counters.js'
import type { Counters } from '../ring/counters.js'
import type { Clock } from './clock.js'

/** Counts what this thread does, where the host can read it without asking. */
export class WorkerMeter {
  readonly #counters: Counters
  readonly #cells: Readonly<Record<WorkerCounter, number>>

  readonly #watch: Clock
  #lapAt: number

  /** A name that the memory was not laid out for is not counted. `watch` is what laps are taken by. */
  constructor(counters: Counters, watch: Clock) {
    this.#counters = counters
    this.#watch = watch
    this.#lapAt = watch.now()
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

  set(name: WorkerCounter, value: number): void {
    const cell = this.#cells[name]
    if (cell >= 0) this.#counters.set(cell, value)
  }

  /** The time since the last lap was spent on `name`: so nothing is counted twice, and nothing is left out. */
  lap(name: WorkerTime): void {
    const now = this.#watch.now()
    this.add(name, now - this.#lapAt)
    this.#lapAt = now
  }
}
