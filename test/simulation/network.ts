import type { GroupIndex, NodeId } from '../../src/base/numbers.js'
import type { Random } from '../../src/base/random.js'
import type { Message, MessageKind } from '../../src/core/messages.js'
import type { EventQueue } from './event-queue.js'
import type { FaultPlan } from './plan.js'

/** What the network tells a node. */
export interface Endpoint {
  readonly up: boolean
  receive(from: NodeId, group: GroupIndex, message: Message): void
  linkChanged(peer: NodeId, up: boolean): void
}

interface Link {
  /** Counts connections: what was sent on an earlier one never arrives, whatever became of the two processes. */
  epoch: number
  connected: boolean
}

/**
 * All links between the nodes. On a living connection messages may be lost, doubled, late and out of order, which is
 * more than a real one does, and just what the protocol is meant to bear.
 */
export class Network {
  /** All but status messages. */
  protocolMessages = 0
  readonly hits = new Map<string, number>()
  faults: FaultPlan
  private readonly endpoints = new Map<NodeId, Endpoint>()
  private readonly links = new Map<number, Link>()
  /** Directions on which something was lost, as by a full queue: the next status goes out, changed or not. */
  private readonly lossy = new Set<number>()
  /** Directions that carry nothing at present. */
  private readonly cut = new Set<number>()
  /** When the last message of each direction arrives. */
  private readonly arrivals = new Map<number, number>()
  private readonly queue: EventQueue
  private readonly random: Random
  private readonly slow = new Set<NodeId>()

  constructor(queue: EventQueue, random: Random, faults: FaultPlan) {
    this.queue = queue
    this.random = random
    this.faults = faults
  }

  add(node: NodeId, endpoint: Endpoint): void {
    for (const peer of this.endpoints.keys()) {
      this.links.set(pair(node, peer), { epoch: 0, connected: false })
    }
    this.endpoints.set(node, endpoint)
  }

  nodes(): NodeId[] {
    return [...this.endpoints.keys()]
  }

  isConnected(a: NodeId, b: NodeId): boolean {
    return this.link(a, b).connected
  }

  /** Whether something from `from` to `to` was lost since the last call. */
  takeLossy(from: NodeId, to: NodeId): boolean {
    return this.lossy.delete(direction(from, to))
  }

  send(from: NodeId, to: NodeId, group: GroupIndex, message: Message): void {
    const link = this.link(from, to)
    if (!link.connected) return
    if (message.kind !== 'status') this.protocolMessages++
    if (this.cut.has(direction(from, to))) {
      this.count('cut', message.kind)
      this.lossy.add(direction(from, to))
      return
    }
    if (this.random.chance(this.faults.loss)) {
      this.count('loss', message.kind)
      this.lossy.add(direction(from, to))
      return
    }
    this.carry(link, from, to, group, message)
    if (this.random.chance(this.faults.duplicate)) {
      this.count('duplicate', message.kind)
      this.carry(link, from, to, group, message)
    }
  }

  /** Nothing goes from `from` to `to` until it is mended; both notice after a while. */
  block(from: NodeId, to: NodeId): void {
    this.cut.add(direction(from, to))
    const link = this.link(from, to)
    const epoch = link.epoch
    this.queue.after(this.random.between(5, 1500), () => {
      if (link.connected && link.epoch === epoch && this.isCut(from, to)) this.disconnect(from, to)
    })
  }

  mendAll(): void {
    this.cut.clear()
    this.slow.clear()
    for (const a of this.endpoints.keys()) for (const b of this.endpoints.keys()) if (a < b) this.maybeConnect(a, b)
  }

  slowDown(node: NodeId): void {
    this.slow.add(node)
  }

  /** The process of `node` is gone: its connections break, its peers hear of it soon. */
  died(node: NodeId): void {
    for (const peer of this.endpoints.keys()) {
      if (peer !== node && this.link(node, peer).connected) this.disconnect(node, peer)
    }
  }

  /** The process of `node` runs again. */
  born(node: NodeId): void {
    for (const peer of this.endpoints.keys()) if (peer !== node) this.maybeConnect(node, peer)
  }

  private carry(link: Link, from: NodeId, to: NodeId, group: GroupIndex, message: Message): void {
    const epoch = link.epoch
    let delay = this.random.between(0.05, 2)
    if (this.random.chance(this.faults.slowMessage)) {
      this.count('slow', message.kind)
      delay = this.random.between(2, 400)
    }
    if (this.slow.has(from) || this.slow.has(to)) delay += this.random.between(50, 800)
    if (this.faults.inOrder) {
      const way = direction(from, to)
      delay = Math.max(delay, (this.arrivals.get(way) ?? 0) - this.queue.now + 1e-6)
      this.arrivals.set(way, this.queue.now + delay)
    }
    this.queue.after(delay, () => {
      const endpoint = this.endpoints.get(to)
      if (!link.connected || link.epoch !== epoch || !endpoint?.up) return
      endpoint.receive(from, group, message)
    })
  }

  private isCut(a: NodeId, b: NodeId): boolean {
    return this.cut.has(direction(a, b)) || this.cut.has(direction(b, a))
  }

  private disconnect(a: NodeId, b: NodeId): void {
    const link = this.link(a, b)
    link.connected = false
    this.tell(a, b, link)
    this.maybeConnect(a, b)
  }

  private maybeConnect(a: NodeId, b: NodeId): void {
    const link = this.link(a, b)
    this.queue.after(this.random.between(1, 200), () => {
      if (link.connected || this.isCut(a, b)) return
      if (!this.endpoints.get(a)?.up || !this.endpoints.get(b)?.up) return
      link.connected = true
      link.epoch++
      this.tell(a, b, link)
    })
  }

  /** Each end hears of the change when its own event loop comes to it; never before the first message it belongs to. */
  private tell(a: NodeId, b: NodeId, link: Link): void {
    for (const [node, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const endpoint = this.endpoints.get(node)
      if (endpoint?.up) endpoint.linkChanged(peer, link.connected)
    }
  }

  private link(a: NodeId, b: NodeId): Link {
    const link = this.links.get(pair(a, b))
    if (!link) throw new Error(`no link between ${a} and ${b}`)
    return link
  }

  private count(fault: string, kind: MessageKind): void {
    const key = `${kind} ${fault}`
    this.hits.set(key, (this.hits.get(key) ?? 0) + 1)
  }
}

function direction(from: NodeId, to: NodeId): number {
  return from * 65536 + to
}

function pair(a: NodeId, b: NodeId): number {
  return Math.min(a, b) * 65536 + Math.max(a, b)
}
