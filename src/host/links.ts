import type { NodeId } from '../base/numbers.js'
import type { Link } from '../codec/worker-records.js'
import type { Voter } from '../core/membership.js'
import type { LinkState } from '../net/transport.js'

/** The links with the peers as the groups are told of them: up is up in both directions. */
export class Links {
  readonly #links = new Map<NodeId, Link & { readonly incarnation: string }>()
  readonly #tell: (link: Link) => void
  readonly #connected: (peer: NodeId) => void
  readonly #nodeId: NodeId
  #voters: readonly Voter[] = []

  constructor(nodeId: NodeId, tell: (link: Link) => void, connected: (peer: NodeId) => void) {
    this.#nodeId = nodeId
    this.#tell = tell
    this.#connected = connected
  }

  set voters(voters: readonly Voter[]) {
    this.#voters = voters
  }

  changed(peer: NodeId, { sendable, receivable, identity }: LinkState): void {
    if (identity === undefined) return
    const { voterId, incarnation } = identity
    const before = this.#links.get(peer)
    const up = sendable && receivable
    if (before !== undefined && before.incarnation === incarnation && before.up === up) return
    // Another life: the links of the former one are down, whatever came first.
    if (before?.up === true && before.incarnation !== incarnation)
      this.#tell({ peer, voterId: before.voterId, up: false })
    this.#links.set(peer, { peer, voterId, up, incarnation })
    this.#tell({ peer, voterId, up })
    if (up) this.#connected(peer)
  }

  /** For a worker that begins. */
  all(): Link[] {
    return [...this.#links.values()].map(({ peer, voterId, up }) => ({ peer, voterId, up }))
  }

  isUp(peer: NodeId): boolean {
    return this.#links.get(peer)?.up === true
  }

  /** This node included. */
  reachesMajority(): boolean {
    const voters = this.#voters
    let reached = 0
    for (const { nodeId, voterId } of voters) {
      const link = this.#links.get(nodeId)
      if (nodeId === this.#nodeId || (link?.up === true && link.voterId === voterId)) reached++
    }
    return reached * 2 > voters.length
  }
}
