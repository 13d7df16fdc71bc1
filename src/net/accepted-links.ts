import type { NodeId } from '../base/numbers.js'
import { IncomingLink, type IncomingLinkOwner } from './incoming-link.js'
import type { LinkContext } from './link-context.js'
import type { InboundHandler, InboundSocket } from './listener.js'
import type { PeerLinks } from './peer-links.js'
import { identityChangedCode, stoppingCode } from './refusal.js'

/** Accepted connections that may be in their handshake at one time. */
export const maxStrangers = 64

/** The door: accepted WebSockets until they are proven to be a peer's, a bounded number of them. */
export class AcceptedLinks implements IncomingLinkOwner {
  readonly #context: LinkContext
  readonly #peers: ReadonlyMap<NodeId, PeerLinks>
  // A Set keeps the order of arrival.
  readonly #strangers = new Set<IncomingLink>()

  constructor(context: LinkContext, peers: ReadonlyMap<NodeId, PeerLinks>) {
    this.#context = context
    this.#peers = peers
  }

  accept(socket: InboundSocket): InboundHandler {
    const link = new IncomingLink(this.#context, this, socket)
    this.#strangers.add(link)
    // The one that waits longest gives way: a peer needs a few milliseconds here, so those who hold the door shut lose it first.
    const [oldest] = this.#strangers
    if (this.#strangers.size > maxStrangers) oldest?.evict()
    if (this.#context.stopped) link.close(stoppingCode, 'STOPPING')
    return link
  }

  isPeer(nodeId: NodeId): boolean {
    return this.#peers.has(nodeId)
  }

  admit(link: IncomingLink): boolean {
    this.#strangers.delete(link)
    return this.#peers.get(link.identity.nodeId)?.admitIncoming(link) ?? false
  }

  gone(link: IncomingLink): void {
    this.#strangers.delete(link)
    if (link.isProven) this.#peers.get(link.identity.nodeId)?.incomingGone(link)
  }

  /** Handshakes under the former identity would come to nothing. */
  remake(): void {
    for (const link of [...this.#strangers]) link.close(identityChangedCode, 'IDENTITY_CHANGED')
  }

  stop(): void {
    for (const link of [...this.#strangers]) link.close(stoppingCode, 'STOPPING')
  }
}
