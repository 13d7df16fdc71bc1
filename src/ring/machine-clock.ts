import type { Millis } from '../base/numbers.js'

const OFFSET_TRIES = 16

/** Held here because the global name is a getter, which costs as much as the reading. */
const thread = performance

/** What `performance.now()` of this thread lacks to the machine's monotonic clock. */
const aheadMs = offset()

/** Milliseconds of the clock that all threads and all processes of this machine share, with fractions. */
export function machineNow(): Millis {
  return thread.now() + aheadMs
}

/** The same moment by the clock of the machine; `threadMs` is of this thread's `performance.now()`. */
export function toMachine(threadMs: Millis): Millis {
  return threadMs + aheadMs
}

/** A thread that has to wait for a core between the two readings finds too little: the most of several tries is right. */
function offset(): Millis {
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < OFFSET_TRIES; i++) {
    const [seconds, nanos] = process.hrtime()
    most = Math.max(most, seconds * 1e3 + nanos / 1e6 - thread.now())
  }
  return most
}
