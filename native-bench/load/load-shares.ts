import type { BenchOptions } from '../bench-options.js'
import type { LoadOptions } from '../load.js'

/** The load of each node that has one, from node 1 on: equal parts of the whole. */
export function loadShares(options: BenchOptions): LoadOptions[] {
  const { load, nodes, callers, rate, outstanding, bytes, many, reads, encoding } = options
  const shares = load === 'one' ? 1 : nodes
  let firstCaller = 0
  return Array.from({ length: shares }, (_, i) => {
    const own = Math.floor(callers / shares) + (i < callers % shares ? 1 : 0)
    const part = rate === undefined ? { rate } : { rate: rate / shares, outstanding: Math.ceil(outstanding / shares) }
    const share = { ...part, callers: own, bytes, many, reads, encoding, firstCaller }
    // Callers share themselves out over the groups by their names: those of every node have to reach every group.
    firstCaller += callers
    return share
  })
}
