import type { Millis } from '../base/numbers.js'
import { machineNow } from '../ring/machine-clock.js'

/** The only time a group's thread knows. Tests drive one by hand. */
export interface Clock {
  now(): Millis
}

/**
 * Monotonic, and never ahead of the host's clock: `hostNow` is what that one said when it made this worker's task. What
 * passed until the thread began is missing, so the host's deadlines come that much late here, where they only say when to
 * stop trying. The clock of a thread begins with that thread; this one goes on where the worker before had ended.
 */
export function monotonicClock(hostNow: Millis): Clock {
  // The global name is a getter, which costs as much as the reading.
  const thread = performance
  const began = thread.now()
  return { now: () => hostNow + thread.now() - began }
}

/** For measurements: what it says can be compared with other threads, and with other processes of this machine. */
export const machineClock: Clock = { now: machineNow }
