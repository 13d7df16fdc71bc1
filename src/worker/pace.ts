import type { Millis } from '../base/numbers.js'
import type { Clock } from './clock.js'

const CLOSE_LOOK_MS = 0.25
/** Also how many slow commands may follow fast ones before it is noticed. */
const MAX_STRIDE = 32

/**
 * Says when a budget of user code is spent. Reading the clock after every command would cost as much as a small command
 * does; so it is read after a stride of them, which shrinks to one where commands turn out to be slow.
 */
export class Pace {
  readonly #clock: Clock
  #stride = 1
  #left = 1
  #last: Millis = 0
  #deadline: Millis = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(budgetMs: Millis): void {
    this.#last = this.#clock.now()
    this.#deadline = this.#last + budgetMs
    this.#stride = 1
    this.#left = 1
  }

  /** After each command: true when the clock was read, so that the caller may show progress. */
  looked(): boolean {
    if (--this.#left > 0) return false
    const now = this.#clock.now()
    if (now - this.#last < CLOSE_LOOK_MS) this.#stride = Math.min(MAX_STRIDE, this.#stride * 2)
    else this.#stride = Math.max(1, this.#stride >> 2)
    this.#left = this.#stride
    this.#last = now
    return true
  }

  /** As of the latest look. */
  isSpent(): boolean {
    return this.#last >= this.#deadline
  }
}
