import type { NodeId } from '../../../src/base/numbers.js'
import type { Random } from '../../../src/base/random.js'
import type { EventQueue } from '../event-queue.js'
import type { RoundFaults } from './plan.js'

/** What the network tells a node. */
export interface Endpoint {
  readonly up: boolean
  receive(from: NodeId, frame: Uint8Array): void
  linkChanged(peer: NodeId, up: boolean): void
}

interface Link {
  /** Counts connections: what was sent on an earlier one never arrives. */
  epoch: number
  connected: boolean
}

/** Frames between nodes: lost, doubled, late, out of order, damaged, on connections that break and come up again. */
export class FrameNetwork {
  faults: RoundFaults
  frames = 0
  readonly hits = new Map<string, number>()
  private readonly endpoints = new Map<NodeId, Endpoint>()
  private readonly links = new Map<number, Link>()
  private readonly cut = new Set<number>()
  /** Directions on which something was lost: who sends there tells its status again. */
  private readonly lossy = new Set<number>()
  private readonly slow = new Set<NodeId>()
  private readonly queue: EventQueue
  private readonly random: Random

  constructor(queue: EventQueue, random: Random, faults: RoundFaults) {
    this.queue = queue
    this.random = random
    this.faults = faults
  }

  add(node: NodeId, endpoint: Endpoint): void {
    for (const peer of this.endpoints.keys()) this.links.set(pair(node, peer), { epoch: 0, connected: false })
    this.endpoints.set(node, endpoint)
  }

  isSlow(node: NodeId): boolean {
    return this.slow.has(node)
  }

  takeLossy(from: NodeId, to: NodeId): boolean {
    return this.lossy.delete(direction(from, to))
  }

  /** `inMs`: the sender is that far ahead of the present event. False: there is no connection. */
  send(from: NodeId, to: NodeId, frame: Uint8Array, inMs: number): boolean {
    const { random, faults } = this
    const link = this.link(from, to)
    if (!link.connected) return false
    this.frames++
    if (this.cut.has(direction(from, to)) || random.chance(faults.loss)) {
      this.count('lost frame')
      this.lossy.add(direction(from, to))
      return true
    }
    this.carry(link, from, to, frame, inMs)
    if (random.chance(faults.duplicate)) {
      this.count('doubled frame')
      this.carry(link, from, to, frame, inMs)
    }
    return true
  }

  /** Nothing goes from `from` to `to` until it is mended; both notice after a while. */
  block(from: NodeId, to: NodeId): void {
    this.cut.add(direction(from, to))
    const link = this.link(from, to)
    const { epoch } = link
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

  died(node: NodeId): void {
    for (const peer of this.endpoints.keys()) {
      if (peer !== node && this.link(node, peer).connected) this.disconnect(node, peer)
    }
  }

  born(node: NodeId): void {
    for (const peer of this.endpoints.keys()) if (peer !== node) this.maybeConnect(node, peer)
  }

  private carry(link: Link, from: NodeId, to: NodeId, frame: Uint8Array, inMs: number): void {
    const { random, faults } = this
    const { epoch } = link
    let delay = random.between(0.05, 2)
    if (random.chance(faults.slowFrame)) {
      this.count('slow frame')
      delay = random.between(2, 400)
    }
    if (this.slow.has(from) || this.slow.has(to)) delay += random.between(50, 500)
    let bytes = frame
    if (random.chance(faults.flippedFrame)) {
      this.count('flipped frame')
      this.lossy.add(direction(from, to))
      bytes = frame.slice()
      const at = random.below(bytes.length)
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
    }
    this.queue.after(inMs + delay, () => {
      const endpoint = this.endpoints.get(to)
      if (link.connected && link.epoch === epoch && endpoint?.up === true) endpoint.receive(from, bytes)
    })
  }

  private isCut(a: NodeId, b: NodeId): boolean {
    return this.cut.has(direction(a, b)) || this.cut.has(direction(b, a))
  }

  private disconnect(a: NodeId, b: NodeId): void {
    const link = this.link(a, b)
    link.connected = false
    this.tell(a, b, false)
    this.maybeConnect(a, b)
  }

  private maybeConnect(a: NodeId, b: NodeId): void {
    const link = this.link(a, b)
    this.queue.after(this.random.between(1, 200), () => {
      if (link.connected || this.isCut(a, b)) return
      if (this.endpoints.get(a)?.up !== true || this.endpoints.get(b)?.up !== true) return
      link.connected = true
      link.epoch++
      this.tell(a, b, true)
    })
  }

  private tell(a: NodeId, b: NodeId, up: boolean): void {
    const [first, second] = [this.endpoints.get(a), this.endpoints.get(b)]
    if (first?.up === true) first.linkChanged(b, up)
    if (second?.up === true) second.linkChanged(a, up)
  }

  private link(a: NodeId, b: NodeId): Link {
    const link = this.links.get(pair(a, b))
    if (link === undefined) throw new Error(`no link between ${a} and ${b}`)
    return link
  }

  private count(what: string): void {
    this.hits.set(what, (this.hits.get(what) ?? 0) + 1)
  }
}

function direction(from: NodeId, to: NodeId): number {
  return from * 65536 + to
}

function pair(a: NodeId, b: NodeId): number {
  return Math.min(a, b) * 65536 + Math.max(a, b)
}
