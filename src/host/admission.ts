import type { Millis } from '../base/numbers.js'

export interface AdmissionBounds {
  readonly maxWaiting: number
  readonly maxWaitingBytes: number
  /** A command that would have to wait longer than this, as things stand, is refused. */
  readonly maxWaitMs: number
}

/** Rates are measured over windows of at least this much busy time, and an old rate fades by half per window. */
const WINDOW_MS = 100
const FADE = 0.5
/**
 * After this long without an answer there is no rate. While a leader changes nothing ends, and a rate that fell to
 * nothing would refuse everybody: then only the bounds on count and bytes hold.
 */
const FORGET_MS = 2_000

/**
 * Admission to one group: what is refused is refused at once, before anything of it is queued. Counts commands from
 * `enter` to `leave`, in the host's queue and in the worker alike. The bound on waiting time adapts by Little's law:
 * waiting commands divided by the rate at which they end is how long the next one would wait.
 */
export class Admission {
  waiting = 0
  waitingBytes = 0
  refused = 0
  #bounds: AdmissionBounds
  #ended = 0
  #busySince: Millis = 0
  #busyMs = 0
  #perMs = 0

  constructor(bounds: AdmissionBounds) {
    this.#bounds = bounds
  }

  get bounds(): AdmissionBounds {
    return this.#bounds
  }

  set bounds(bounds: AdmissionBounds) {
    this.#bounds = bounds
  }

  /**
   * 0: come in. Otherwise refused: milliseconds after which another try has a chance. `oldestSince` is when the oldest
   * waiting command came.
   */
  refusal(count: number, bytes: number, now: Millis, oldestSince: Millis): number {
    const { maxWaiting, maxWaitingBytes, maxWaitMs } = this.#bounds
    // A call of many commands is one decision; alone it may exceed the count, or it could never be made.
    const full = (this.waiting > 0 && this.waiting + count > maxWaiting) || this.waitingBytes + bytes > maxWaitingBytes
    const wait = this.expectedWaitMs(now)
    // A rate taken while a leader changes is too low: it counts only if somebody really waits that long.
    const slow = wait > maxWaitMs && now - oldestSince > maxWaitMs / 2
    if (!full && !slow) return 0
    this.refused += count
    return Math.max(1, Math.ceil(slow ? Math.min(wait - maxWaitMs, maxWaitMs) : Math.min(wait / 2 || 50, 1_000)))
  }

  enter(count: number, bytes: number, now: Millis): void {
    // Idle time is not counted: a group that is asked once an hour is not one that needs an hour.
    if (this.waiting === 0) this.#busySince = now
    this.waiting += count
    this.waitingBytes += bytes
  }

  /** `answered`: it got its result; a command that timed out says nothing about how fast the group is. */
  leave(count: number, bytes: number, answered: boolean, now: Millis): void {
    this.waiting -= count
    this.waitingBytes -= bytes
    if (answered) this.#ended += count
    if (this.waiting === 0) this.#busyMs += now - this.#busySince
  }

  /** How long a command that came now would wait; 0 while there is no rate to tell from. */
  expectedWaitMs(now: Millis): number {
    if (this.waiting === 0) return 0
    const busy = this.#busyMs + now - this.#busySince
    if (busy >= WINDOW_MS) this.#roll(now, busy)
    return this.#perMs > 0 ? this.waiting / this.#perMs : 0
  }

  #roll(now: Millis, busy: number): void {
    if (this.#ended === 0) {
      if (busy <= FORGET_MS) return
      this.#perMs = 0
    } else {
      const rate = this.#ended / busy
      this.#perMs = this.#perMs === 0 ? rate : this.#perMs * FADE + rate * (1 - FADE)
    }
    this.#ended = 0
    this.#busyMs = 0
    this.#busySince = now
  }
}
