import type { Millis } from '../base/numbers.js'
import { toMachine } from '../ring/machine-clock.js'
import type { TimerClock } from './timer-heap.js'

/** Held here because the global name is a getter, which costs as much as the reading. */
const thread = performance

/** The monotonic clock of a thread, with one OS timer: the earliest that was asked for. */
export class MonotonicClock implements TimerClock {
  #timer: NodeJS.Timeout | undefined
  #at = Number.POSITIVE_INFINITY
  #fire: () => void = () => undefined
  #closed = false
  readonly #offsetMs: Millis
  readonly #keepsAlive: boolean

  /** With the `behindMachineMs` of another thread's clock it goes with that one. `keepsAlive`: a timer does, for the thread. */
  constructor(behindMachineMs?: Millis, keepsAlive = true) {
    this.#offsetMs = behindMachineMs === undefined ? 0 : toMachine(0) - behindMachineMs
    this.#keepsAlive = keepsAlive
  }

  /** `fire` is called at or after what `wake` asked for, never twice for one. */
  onWake(fire: () => void): void {
    this.#fire = fire
  }

  readonly now = (): Millis => thread.now() + this.#offsetMs

  /** What this clock lacks to the one that all threads have in common. */
  get behindMachineMs(): Millis {
    return toMachine(0) - this.#offsetMs
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
