import type { NodeId } from '../../src/base/numbers.js'
import type { Input } from '../../src/core/input.js'
import type { SimGroup } from './sim-group.js'
import type { SimNode } from './sim-node.js'

/** What a host does for its groups about peers: it tells them of links, and peers of where the groups stand. */
export class NodeLinks {
  private readonly node: SimNode
  private readonly links = new Map<NodeId, boolean>()
  /** The sockets of a process are there before its groups: until those are loaded, what peers say is lost. */
  private listening = false

  constructor(node: SimNode) {
    this.node = node
  }

  get isListening(): boolean {
    return this.listening
  }

  /** A new life. */
  begin(): void {
    this.links.clear()
    this.listening = false
    this.tickStatus()
  }

  listen(): void {
    this.listening = true
    for (const [peer, up] of this.links) this.tell(peer, up)
  }

  changed(peer: NodeId, up: boolean): void {
    this.links.set(peer, up)
    if (this.listening) this.tell(peer, up)
  }

  /** What a group has to hear that was built anew. */
  *inputs(): Iterable<Input> {
    for (const [peer, up] of this.links) yield this.input(peer, up)
  }

  private tell(peer: NodeId, up: boolean): void {
    for (const group of this.node.groups) {
      this.node.put(group.index, this.input(peer, up))
      if (up && !this.sendStatus(peer, group)) return
    }
  }

  private input(peer: NodeId, up: boolean): Input {
    return { kind: 'link', peer, voterId: this.node.world.node(peer).voterId, up }
  }

  /** False if the node died over it. */
  private sendStatus(peer: NodeId, group: SimGroup): boolean {
    const { nodeId, world } = this.node
    const isSent = world.network.send(nodeId, peer, group.index, group.group.status())
    if (!isSent) world.coverage.hit('status', 'unsent')
    return isSent
  }

  /** The host's coalesced status: at an interval, of what changed, or where something got lost. */
  private tickStatus(): void {
    const { node } = this
    node.later(1000, () => {
      const { network } = node.world
      const repaired = [...this.links].filter(([peer, up]) => network.takeLossy(node.nodeId, peer) && up)
      for (const group of node.groups) {
        const status = group.group.status()
        const words = `${status.chosenUpTo} ${status.lastAccepted} ${status.chain}`
        const changed = words !== group.lastStatus
        group.lastStatus = words
        const links = changed ? this.links : repaired
        for (const [peer, up] of links) {
          if (up && !this.sendStatus(peer, group)) return
        }
      }
      this.tickStatus()
    })
  }
}
