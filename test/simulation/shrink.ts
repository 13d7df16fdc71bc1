import type { Fault } from './faults.js'

export interface Shrunk {
  readonly faults: readonly Fault[]
  /** Runs that it took. */
  readonly runs: number
}

/**
 * Leaves faults out as long as `fails` still says yes: halves first, then ever smaller pieces, at last each alone
 * (delta debugging, Zeller 1999). What remains cannot be spared: without any one of them the run does not fail, unless
 * `maxRuns` came first.
 */
export function shrink(
  faults: readonly Fault[],
  fails: (faults: readonly Fault[]) => boolean,
  maxRuns: number,
): Shrunk {
  let kept = faults
  let runs = 0
  const stillFails = (some: readonly Fault[]) => {
    runs++
    return fails(some)
  }
  if (stillFails([])) return { faults: [], runs }
  let pieces = 2
  while (kept.length > 1 && runs < maxRuns) {
    const size = Math.ceil(kept.length / pieces)
    const before = kept.length
    for (let from = 0; from < kept.length && runs < maxRuns; ) {
      const rest = [...kept.slice(0, from), ...kept.slice(from + size)]
      if (rest.length > 0 && stillFails(rest)) kept = rest
      else from += size
    }
    if (kept.length < before) pieces = Math.max(2, Math.min(pieces, kept.length))
    else if (size === 1) break
    else pieces = Math.min(2 * pieces, kept.length)
  }
  return { faults: kept, runs }
}
