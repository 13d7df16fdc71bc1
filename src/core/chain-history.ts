import type { Instance, NodeId } from '../base/numbers.js'

/**
 * The checksum chain of recently chosen instances, and what peers claim about it. Every instance extends the chain by
 * the crc of its value, so two nodes that differ anywhere differ from there on.
 */
export class ChainHistory {
  /** Circular by instance. */
  private readonly chains: number[]
  private first: Instance
  private last: Instance
  /** Claims about instances not yet chosen here: the latest of each peer. */
  private readonly ahead = new Map<NodeId, { readonly instance: Instance; readonly chain: number }>()
  /** Peers that contradict this node, with the instance of the first contradiction seen. */
  readonly contradictions = new Map<NodeId, Instance>()

  constructor(chosenUpTo: Instance, chain: number, size: number) {
    this.chains = new Array<number>(size).fill(0)
    this.first = chosenUpTo
    this.last = chosenUpTo
    this.chains[chosenUpTo % size] = chain
  }

  get current(): number {
    return this.at(this.last) ?? 0
  }

  at(instance: Instance): number | undefined {
    if (instance < this.first || instance > this.last) return undefined
    return this.chains[instance % this.chains.length]
  }

  extend(instance: Instance, chain: number): void {
    this.chains[instance % this.chains.length] = chain
    this.last = instance
    this.first = Math.max(this.first, instance - this.chains.length + 1)
  }

  /** Notes what `peer` claims; true if it contradicts what is known here for the first time. */
  claim(peer: NodeId, instance: Instance, chain: number): boolean {
    if (instance > this.last) {
      this.ahead.set(peer, { instance, chain })
      return false
    }
    const own = this.at(instance)
    if (own === undefined || own === chain || this.contradictions.has(peer)) return false
    this.contradictions.set(peer, instance)
    return true
  }

  /** Checks the claims that the chain has now reached; the peers that contradict. */
  settleClaims(): NodeId[] {
    const contradicting: NodeId[] = []
    for (const [peer, claim] of this.ahead) {
      if (claim.instance > this.last) continue
      this.ahead.delete(peer)
      if (this.claim(peer, claim.instance, claim.chain)) contradicting.push(peer)
    }
    return contradicting
  }
}
