import type { Instance, Millis } from '../base/numbers.js'
import type { HoldPolicy } from '../codec/worker-task.js'
import { isSpaceShort } from '../store/free-space.js'
import type { GroupCheckpoints } from './group-checkpoints.js'
import type { GroupHost } from './group-host.js'
import { LogHold } from './log-hold.js'

/** Fewer instances are not worth a trim of their own. */
const MIN_TRIM = 64

/** Gives up what no checkpoint and no peer needs of the log of one group. */
export class LogTrimming {
  paused = false
  readonly #host: GroupHost
  readonly #checkpoints: GroupCheckpoints
  #hold: LogHold

  constructor(host: GroupHost, checkpoints: GroupCheckpoints) {
    this.#host = host
    this.#checkpoints = checkpoints
    this.#hold = new LogHold(host.place.hold, 0)
  }

  /** The group was built. */
  begin(executedUpTo: Instance): void {
    this.#hold = new LogHold(this.#hold.policy, executedUpTo)
  }

  /** Mean bytes of a record. */
  get meanBytes(): number {
    return this.#hold.meanBytes
  }

  setHold(hold: Partial<HoldPolicy>): void {
    this.#hold.policy = { ...this.#hold.policy, ...hold }
  }

  executed(executedUpTo: Instance, valueBytes: number, now: Millis): void {
    this.#hold.executed(executedUpTo, valueBytes, now)
  }

  /** True if space is short, and only another checkpoint would let the log shrink further. */
  look(now: Millis): boolean {
    const { core, store } = this.#host
    if (core === undefined) return false
    const covered = Math.min(this.#checkpoints.newest?.instance ?? 0, core.executedUpTo)
    const isShort = isSpaceShort(store.path)
    if (this.paused || covered === 0) return isShort
    const { firstKept } = core
    // A full disk stops everybody; a peer that learns takes a checkpoint instead.
    const target = isShort ? covered + 1 : this.#hold.firstKept(covered, firstKept, core.neededFrom(now), now)
    if (target - firstKept >= MIN_TRIM || (isShort && target > firstKept)) {
      this.#host.step({ kind: 'trim', firstKept: target }, now)
      this.#host.emit(now)
    }
    return isShort && core.executedUpTo - covered >= MIN_TRIM
  }
}
