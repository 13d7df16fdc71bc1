import type { Instance, NodeId } from '../../src/base/numbers.js'
import type { Message } from '../../src/core/messages.js'

interface Taker {
  readonly next: Instance
  readonly heardAt: number
}

/** What peers still need of one group's log, told by nothing but the messages: the yardstick of what may be trimmed. */
export class HeldForPeers {
  private readonly holdMs: number
  /** Who was offered a checkpoint, or fetches one: the log behind it. */
  private readonly takers = new Map<NodeId, Taker>()
  /** Who is in the middle of a stream: the next instance of it. */
  private readonly streams = new Map<NodeId, Instance>()

  /** `holdMs`: how long a taker counts that is not heard of. */
  constructor(holdMs: number) {
    this.holdMs = holdMs
  }

  clear(): void {
    this.takers.clear()
    this.streams.clear()
  }

  received(from: NodeId, message: Message, now: number): void {
    if (message.kind === 'fetch') this.takers.set(from, { next: message.instance + 1, heardAt: now })
    // It begins anew, wherever it was.
    else if (message.kind === 'learn') this.streams.delete(from)
  }

  sent(to: readonly NodeId[], message: Message, now: number): void {
    for (const peer of to) {
      if (message.kind === 'offer') {
        this.takers.set(peer, { next: message.instance + 1, heardAt: now })
        this.streams.delete(peer)
      } else if (message.kind !== 'learned') continue
      else if (message.done) this.streams.delete(peer)
      else this.streams.set(peer, message.from + message.values.length)
    }
  }

  linkDown(peer: NodeId): void {
    this.streams.delete(peer)
  }

  /** Infinite: nobody needs anything. */
  neededFrom(now: number): Instance {
    let needed = Number.POSITIVE_INFINITY
    for (const { next, heardAt } of this.takers.values()) {
      if (now - heardAt <= this.holdMs) needed = Math.min(needed, next)
    }
    for (const next of this.streams.values()) needed = Math.min(needed, next)
    return needed
  }
}
