import type { Millis } from '../base/numbers.js'
import type { TimerClock } from './timer-heap.js'

/** The monotonic clock of the process, with one OS timer: the earliest that was asked for. */
export class MonotonicClock implements TimerClock {
  #timer: NodeJS.Timeout | undefined
  #at = Number.POSITIVE_INFINITY
  #fire: () => void = () => undefined
  #closed = false

  /** `fire` is called at or after what `wake` asked for, never twice for one. */
  onWake(fire: () => void): void {
    this.#fire = fire
  }

  readonly now = (): Millis => performance.now()

  wake(atMs: Millis): void {
    if (this.#closed || (this.#timer !== undefined && this.#at <= atMs)) return
    clearTimeout(this.#timer)
    this.#at = atMs
    // setTimeout counts whole milliseconds and may ring a fraction early.
    this.#timer = setTimeout(() => this.#ring(), Math.min(0x7fff_ffff, Math.max(1, Math.ceil(atMs - this.now()))))
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #ring(): void {
    this.#timer = undefined
    this.#at = Number.POSITIVE_INFINITY
    this.#fire()
  }
}
