import type { Millis } from '../base/numbers.js'

/** What `performance.now()` of this thread lacks to the machine's monotonic clock. */
const aheadMs = offset()

/** Milliseconds of the clock that all threads and all processes of this machine share, with fractions. */
export function machineNow(): Millis {
  return performance.now() + aheadMs
}

/** The same moment by the clock of the machine; `threadMs` is of this thread's `performance.now()`. */
export function toMachine(threadMs: Millis): Millis {
  return threadMs + aheadMs
}

function offset(): Millis {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1e3 + nanos / 1e6 - performance.now()
}
