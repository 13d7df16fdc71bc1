import type { Millis } from '../base/numbers.js'

/** The only time a group's thread knows. Tests drive one by hand. */
export interface Clock {
  now(): Millis
  /** A deadline that the host stamped, by this clock; infinite stays infinite. */
  fromHost(deadline: Millis): Millis
}

/**
 * Monotonic. The clock of each thread begins with that thread, so a deadline of the host means nothing here until it is
 * moved: `hostNow` is what the host's clock said when it made this worker's task. What passed until the thread began is
 * missing from the difference; deadlines come that much late, and a deadline here only says when to stop trying.
 */
export function monotonicClock(hostNow: Millis): Clock {
  const behind = performance.now() - hostNow
  return { now: () => performance.now(), fromHost: (deadline) => deadline + behind }
}
