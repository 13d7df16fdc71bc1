import type { Millis } from '../base/numbers.js'

/** When this thread has to look round although nothing comes in: the earliest of what its parts asked for. */
export class WakeUp {
  at: Millis = Number.POSITIVE_INFINITY

  by(at: Millis): void {
    if (at < this.at) this.at = at
  }

  /** True if it is time; whoever still waits then asks again. */
  isDue(now: Millis): boolean {
    if (now < this.at) return false
    this.at = Number.POSITIVE_INFINITY
    return true
  }
}
