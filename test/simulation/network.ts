import type { GroupIndex, NodeId } from '../../src/base/numbers.js'
import type { Random } from '../../src/base/random.js'
import type { Message } from '../../src/core/messages.js'
import type { Coverage } from './coverage.js'
import type { EventQueue } from './event-queue.js'
import type { FaultSchedule } from './faults.js'

/** What the network tells a node, and what it may do to one. */
export interface Endpoint {
  readonly up: boolean
  receive(from: NodeId, group: GroupIndex, message: Message): void
  linkChanged(peer: NodeId, up: boolean): void
  crash(downMs: number): void
}

interface Link {
  /** Counts connections: what was sent on an earlier one never arrives, whatever became of the two processes. */
  epoch: number
  connected: boolean
  /** The process whose end broke it last; 0: both live. */
  brokenBy: NodeId
}

/** One direction of a link. */
interface Way {
  /** Carries nothing before this time. */
  cutUntil: number
  /** Something was lost, as by a full queue: the next status goes out, changed or not. */
  lossy: boolean
  /** When its last message arrives. */
  lastArrival: number
  sent: number
  /** The latest message that has arrived. */
  arrived: number
}

/**
 * All links between the nodes. On a living connection messages may be lost, doubled, late and out of order, which is
 * more than a real one does, and just what the protocol is meant to bear.
 */
export class Network {
  /** All but status messages. */
  protocolMessages = 0
  private readonly endpoints = new Map<NodeId, Endpoint>()
  private readonly links = new Map<number, Link>()
  private readonly ways = new Map<number, Way>()
  private readonly slowUntil = new Map<NodeId, number>()
  private readonly queue: EventQueue
  private readonly random: Random
  private readonly schedule: FaultSchedule
  private readonly coverage: Coverage
  private readonly inOrder: boolean

  constructor(queue: EventQueue, random: Random, schedule: FaultSchedule, coverage: Coverage, inOrder: boolean) {
    this.queue = queue
    this.random = random
    this.schedule = schedule
    this.coverage = coverage
    this.inOrder = inOrder
  }

  add(node: NodeId, endpoint: Endpoint): void {
    for (const peer of this.endpoints.keys()) {
      this.links.set(pair(node, peer), { epoch: 0, connected: false, brokenBy: 0 })
      for (const way of [direction(node, peer), direction(peer, node)]) {
        this.ways.set(way, { cutUntil: 0, lossy: false, lastArrival: 0, sent: 0, arrived: 0 })
      }
    }
    this.endpoints.set(node, endpoint)
  }

  /** Whether something from `from` to `to` was lost since the last call. */
  takeLossy(from: NodeId, to: NodeId): boolean {
    const way = this.way(from, to)
    const { lossy } = way
    way.lossy = false
    return lossy
  }

  /** False if the sender dies before it is sent. */
  send(from: NodeId, to: NodeId, group: GroupIndex, message: Message): boolean {
    const link = this.link(from, to)
    if (!link.connected) return true
    const { kind } = message
    const { coverage } = this
    if (kind !== 'status') this.protocolMessages++
    coverage.noteSent(kind)
    const fault = this.schedule.onMessage(kind, from, to)
    let delay = this.random.between(0.05, 2)
    const [ms = 0] = fault?.args ?? []
    switch (fault?.what) {
      case 'lost':
        coverage.hit(kind, 'lost')
        this.way(from, to).lossy = true
        return true
      case 'duplicated':
        coverage.hit(kind, 'duplicated')
        this.carry(link, from, to, group, message, ms)
        break
      case 'slow':
        coverage.hit(kind, 'slow')
        delay += ms
        break
      case 'one way cut':
        this.cut(from, to, ms)
        break
      case 'partition':
        this.cut(from, to, ms)
        this.cut(to, from, ms)
        break
      case 'sender crashes':
        this.endpoints.get(from)?.crash(ms)
        return false
      default:
    }
    const way = this.way(from, to)
    if (way.cutUntil > this.queue.now) {
      coverage.hit(kind, this.way(to, from).cutUntil > this.queue.now ? 'partition' : 'one-way')
      way.lossy = true
      return true
    }
    this.carry(link, from, to, group, message, delay)
    if (fault?.what === 'link breaks') this.breakLink(from, to)
    else if (fault?.what === 'receiver crashes') this.crashBefore(delay, to, ms)
    return true
  }

  /** Nothing goes from `from` to `to` for a time; both notice after a while. */
  cut(from: NodeId, to: NodeId, ms: number): void {
    const link = this.link(from, to)
    const { epoch } = link
    this.way(from, to).cutUntil = this.queue.now + ms
    this.queue.after(this.random.between(5, 1500), () => {
      if (link.connected && link.epoch === epoch && this.isCut(from, to)) this.disconnect(from, to, 0)
    })
    this.queue.after(ms + 0.001, () => this.maybeConnect(from, to))
  }

  mendCuts(): void {
    for (const way of this.ways.values()) way.cutUntil = 0
    for (const a of this.endpoints.keys()) for (const b of this.endpoints.keys()) if (a < b) this.maybeConnect(a, b)
  }

  /** No cut, no slow node. */
  mendAll(): void {
    this.slowUntil.clear()
    this.mendCuts()
  }

  slowDown(node: NodeId, ms: number): void {
    this.slowUntil.set(node, this.queue.now + ms)
  }

  /** The connection ends, and what is on its way with it. */
  breakLink(a: NodeId, b: NodeId): void {
    if (this.link(a, b).connected) this.disconnect(a, b, 0)
  }

  /** The process of `node` is gone: its connections break, its peers hear of it soon. */
  died(node: NodeId): void {
    for (const peer of this.endpoints.keys()) {
      if (peer !== node && this.link(node, peer).connected) this.disconnect(node, peer, node)
    }
  }

  /** The process of `node` runs again. */
  born(node: NodeId): void {
    for (const peer of this.endpoints.keys()) if (peer !== node) this.maybeConnect(node, peer)
  }

  private carry(link: Link, from: NodeId, to: NodeId, group: GroupIndex, message: Message, delayMs: number): void {
    const { queue, coverage } = this
    const { epoch } = link
    const way = this.way(from, to)
    const nth = ++way.sent
    const slowMs = this.slowMs(from) + this.slowMs(to)
    if (slowMs > 0) coverage.hit(message.kind, 'slow')
    let delay = delayMs + slowMs
    if (this.inOrder) delay = Math.max(delay, way.lastArrival - queue.now + 1e-6)
    way.lastArrival = queue.now + delay
    queue.after(delay, () => {
      const endpoint = this.endpoints.get(to)
      if (!link.connected || link.epoch !== epoch || !endpoint?.up) {
        coverage.hit(message.kind, link.brokenBy === to ? 'undelivered' : 'broken link')
        return
      }
      if (nth < way.arrived) coverage.hit(message.kind, 'reordered')
      else way.arrived = nth
      endpoint.receive(from, group, message)
    })
  }

  private crashBefore(delayMs: number, node: NodeId, downMs: number): void {
    this.queue.after(delayMs * 0.999, () => {
      if (!this.schedule.isStopped) this.endpoints.get(node)?.crash(downMs)
    })
  }

  private slowMs(node: NodeId): number {
    const until = this.slowUntil.get(node)
    return until !== undefined && until > this.queue.now ? this.random.between(50, 800) : 0
  }

  private isCut(a: NodeId, b: NodeId): boolean {
    const { now } = this.queue
    return this.way(a, b).cutUntil > now || this.way(b, a).cutUntil > now
  }

  private disconnect(a: NodeId, b: NodeId, by: NodeId): void {
    const link = this.link(a, b)
    link.connected = false
    link.brokenBy = by
    this.tell(a, b, link)
    this.maybeConnect(a, b)
  }

  private maybeConnect(a: NodeId, b: NodeId): void {
    const link = this.link(a, b)
    if (link.connected) return
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

  private way(from: NodeId, to: NodeId): Way {
    const way = this.ways.get(direction(from, to))
    if (!way) throw new Error(`no way from ${from} to ${to}`)
    return way
  }
}

function direction(from: NodeId, to: NodeId): number {
  return from * 65536 + to
}

function pair(a: NodeId, b: NodeId): number {
  return Math.min(a, b) * 65536 + Math.max(a, b)
}
