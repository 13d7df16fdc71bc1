import type { Millis } from '../base/numbers.js'
import type { TimerClock } from './timer-heap.js'

/** The clock of the system, which all threads of a process have in common: each has its own zero of `performance.now()`. */
function systemNow(): Millis {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1000 + nanos / 1e6
}

/** The monotonic clock of a thread, with one OS timer: the earliest that was asked for. */
export class MonotonicClock implements TimerClock {
  #timer: NodeJS.Timeout | undefined
  #at = Number.POSITIVE_INFINITY
  #fire: () => void = () => undefined
  #closed = false
  readonly #offsetMs: Millis
  readonly #keepsAlive: boolean

  /** With the `systemOffsetMs` of another thread's clock it goes with that one. `keepsAlive`: a timer does, for the thread. */
  constructor(systemOffsetMs?: Millis, keepsAlive = true) {
    this.#offsetMs = systemOffsetMs === undefined ? 0 : systemOffsetMs + systemNow() - performance.now()
    this.#keepsAlive = keepsAlive
  }

  /** `fire` is called at or after what `wake` asked for, never twice for one. */
  onWake(fire: () => void): void {
    this.#fire = fire
  }

  readonly now = (): Millis => performance.now() + this.#offsetMs

  get systemOffsetMs(): Millis {
    return this.now() - systemNow()
  }

  wake(atMs: Millis): void {
    if (this.#closed || (this.#timer !== undefined && this.#at <= atMs)) return
    clearTimeout(this.#timer)
    this.#at = atMs
    // setTimeout counts whole milliseconds and may ring a fraction early.
    this.#timer = setTimeout(() => this.#ring(), Math.min(0x7fff_ffff, Math.max(1, Math.ceil(atMs - this.now()))))
    if (!this.#keepsAlive) this.#timer.unref()
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
