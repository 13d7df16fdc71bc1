import type { Millis } from '../base/numbers.js'

/** The only time a group's thread knows. Tests drive one by hand. */
export interface Clock {
  now(): Millis
  /** A deadline that the host stamped, by this clock; infinite stays infinite. */
  fromHost(deadline: Millis): Millis
}

/**
 * Monotonic, since the machine's boot: the clock of a thread begins with that thread, and a group that is started again in
 * a new one counts on a clock that goes on. The host's clock is another one: `hostNow` is what it said when it made this
 * worker's task. What passed until the thread began is missing from the difference; deadlines come that much late, and a
 * deadline here only says when to stop trying.
 */
export function monotonicClock(hostNow: Millis): Clock {
  const bootedBefore = Number(process.hrtime.bigint()) / 1e6 - performance.now()
  const now = () => performance.now() + bootedBefore
  const behind = now() - hostNow
  return { now, fromHost: (deadline) => deadline + behind }
}
