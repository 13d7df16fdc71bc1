import type { Calls } from './calls.js'
import type { LoadCounts } from './load-counts.js'
import { Pacer } from './pacer.js'

export interface Arrivals {
  /** Commands (or reads) a second. */
  readonly rate: number
  /** Commands that may be without an answer; what is due beyond it is missed. */
  readonly outstanding: number
}

/** Wake-ups cost the machine that is measured: what is due within one of these goes together. */
const TICK_MS = 0.25

/**
 * Calls come at fixed moments, whatever becomes of those before them. Latency counts from the moment at which a call
 * was due: a system that stalls for a second has delayed everything that was due in that second.
 */
export class OpenLoop {
  readonly #calls: Calls
  readonly #counts: LoadCounts
  readonly #bound: number
  readonly #everyMs: number
  readonly #name: number
  readonly #pacer: Pacer
  #outstanding = 0
  #firstAt = 0
  #arrivals = 0
  #stopping = false
  #drained: (() => void) | undefined

  /** `name`: whose commands these are. */
  constructor(calls: Calls, counts: LoadCounts, { rate, outstanding }: Arrivals, name: number) {
    this.#calls = calls
    this.#counts = counts
    this.#bound = outstanding
    this.#everyMs = (1000 * calls.many) / rate
    this.#name = name
    this.#pacer = new Pacer(() => this.#tick())
  }

  start(): void {
    this.#firstAt = this.#pacer.start(Math.max(TICK_MS, this.#everyMs))
  }

  /** Resolves when every call has its answer. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#pacer.stop()
    if (this.#outstanding > 0) await new Promise<void>((resolve) => (this.#drained = resolve))
  }

  #tick(): void {
    if (this.#stopping) return
    const { many, groups } = this.#calls
    const now = performance.now()
    // From the count, not by adding: the schedule must not drift.
    for (let due = this.#dueAt(); due <= now; due = this.#dueAt()) {
      const group = this.#arrivals++ % groups
      if (this.#outstanding + many > this.#bound) this.#counts.missed += many
      else this.#send(group, due, now)
    }
  }

  #dueAt(): number {
    return this.#firstAt + this.#arrivals * this.#everyMs
  }

  #send(group: number, due: number, now: number): void {
    const calls = this.#calls
    const counts = this.#counts
    const kind = calls.pick()
    const known = counts.acknowledgedIn(group)
    counts.late.recordMs(now - due)
    this.#outstanding += calls.many
    calls
      .send(kind, group, this.#name)
      .then(
        (value) => counts.ended(kind, group, value, due, known),
        (error: unknown) => counts.failed(error, calls.commandsOf(kind)),
      )
      .then(() => {
        this.#outstanding -= calls.many
        if (this.#outstanding === 0) this.#drained?.()
      })
  }
}
