import { assert } from '../base/assert.js'
import type { Ballot, NodeId } from '../base/numbers.js'

/** Ballots interleave the nodes: `round * 65536 + nodeId`, so that no two nodes ever share one. */
const NODES = 65536

export function ballotOf(round: number, nodeId: NodeId): Ballot {
  return round * NODES + nodeId
}

export function ballotRound(ballot: Ballot): number {
  return Math.floor(ballot / NODES)
}

/** The node that may use this ballot; 0 for the ballot below all others. */
export function ballotNode(ballot: Ballot): NodeId {
  return ballot % NODES
}

/** The lowest ballot of `nodeId` above `seen`. */
export function nextBallot(seen: Ballot, nodeId: NodeId): Ballot {
  const next = ballotOf(ballotRound(seen) + 1, nodeId)
  // Promised and written down, it would be another number when it is read again.
  assert(Number.isSafeInteger(next), `no ballot of node ${nodeId} is left above ${seen}`)
  return next
}
