import type { Millis } from '../base/numbers.js'
import { TIMER_KINDS, type TimerKind } from '../core/timers.js'

/** Host and worker read clocks of different origin and granularity: a bit this early is on time. */
const TOLERANCE_MS = 1

/**
 * The timers of one group as this side sees them. The core moves deadlines in every round; the host hears of it only
 * when its own timer would ring too late. A bit that comes early, because the deadline has moved meanwhile, asks for the
 * rest; one whose timer was stopped is nobody's.
 */
export class GroupTimers {
  readonly #deadlines = new Float64Array(TIMER_KINDS.length).fill(Number.POSITIVE_INFINITY)
  /** When the host's timer of the kind rings; infinite if it has none. */
  readonly #ringsAt = new Float64Array(TIMER_KINDS.length).fill(Number.POSITIVE_INFINITY)
  readonly #arm: (timer: number, delayMs: number) => void

  /** `arm` tells the host; its latest call per kind wins there. */
  constructor(arm: (timer: number, delayMs: number) => void) {
    this.#arm = arm
  }

  set(timer: TimerKind, delayMs: number | undefined, now: Millis): void {
    const kind = TIMER_KINDS.indexOf(timer)
    const deadline = delayMs === undefined ? Number.POSITIVE_INFINITY : now + delayMs
    this.#deadlines[kind] = deadline
    if (deadline < (this.#ringsAt[kind] as number)) this.#tell(kind, deadline, now)
  }

  /** The due bit of `kind` was taken: the timer to fire, if it is really due. */
  due(kind: number, now: Millis): TimerKind | undefined {
    this.#ringsAt[kind] = Number.POSITIVE_INFINITY
    const deadline = this.#deadlines[kind] as number
    if (deadline === Number.POSITIVE_INFINITY) return undefined
    if (now + TOLERANCE_MS < deadline) {
      this.#tell(kind, deadline, now)
      return undefined
    }
    this.#deadlines[kind] = Number.POSITIVE_INFINITY
    return TIMER_KINDS[kind]
  }

  /** Forgets all deadlines: a rebuilt group starts with none. What the host still holds rings for nobody. */
  clear(): void {
    this.#deadlines.fill(Number.POSITIVE_INFINITY)
  }

  #tell(kind: number, deadline: Millis, now: Millis): void {
    this.#ringsAt[kind] = deadline
    this.#arm(kind, Math.max(0, deadline - now))
  }
}
