import type { Millis } from '../base/numbers.js'

const FIRST_MS = 1000
const LONGEST_MS = 60_000

/** When to try again what keeps failing: after 1 s, then twice as long each time, up to a minute. */
export class BackOff {
  #delayMs = FIRST_MS
  #due: Millis = Number.POSITIVE_INFINITY

  /** The next try, by the round's clock; infinite while there is nothing to try. */
  get due(): Millis {
    return this.#due
  }

  failed(now: Millis): void {
    this.#due = now + this.#delayMs
    this.#delayMs = Math.min(LONGEST_MS, this.#delayMs * 2)
  }

  /** The try is under way: nothing is due until it has failed too. */
  trying(): void {
    this.#due = Number.POSITIVE_INFINITY
  }

  succeeded(): void {
    this.#due = Number.POSITIVE_INFINITY
    this.#delayMs = FIRST_MS
  }
}
