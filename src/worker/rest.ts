import type { Millis } from '../base/numbers.js'
import type { WorkerGate } from '../ring/gate-word.js'
import type { Clock } from './clock.js'

/** Work between two rests: short, so that whoever needs the core waits no longer. */
const SLICE_MS = 4
/** How long it rests, as a multiple of the work: see docs/architecture.md. */
export const REST_FACTOR = 2
/** Looks between two readings of the clock. */
const STRIDE = 16

/**
 * Keeps a long task from taking a core and the disk for itself: it rests a multiple of the time that it works. Shows its
 * progress at the gate.
 */
export class Rest {
  readonly #gate: WorkerGate
  readonly #clock: Clock
  readonly #park: (ms: Millis) => void
  readonly #factor: number
  #since: Millis
  #looks = 0

  constructor(gate: WorkerGate, clock: Clock, park: (ms: Millis) => void, factor: number) {
    this.#gate = gate
    this.#clock = clock
    this.#park = park
    this.#factor = factor
    this.#since = clock.now()
  }

  /** After each small piece of work. */
  look(): void {
    if (++this.#looks % STRIDE === 0) this.lookAtOnce()
  }

  /** After a piece of work that may have been long. */
  lookAtOnce(): void {
    this.#gate.progress()
    const worked = this.#clock.now() - this.#since
    if (worked < SLICE_MS) return
    this.#park(worked * this.#factor)
    this.#since = this.#clock.now()
  }
}
