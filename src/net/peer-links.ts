import type { IncomingLink } from './incoming-link.js'
import type { LinkContext } from './link-context.js'
import type { LinkIdentity, PeerAddress } from './link-identity.js'
import { OutgoingLink, type OutgoingLinkOwner } from './outgoing-link.js'
import { PeerLife } from './peer-life.js'
import { identityChangedCode, stoppingCode } from './refusal.js'
import type { LinkState } from './transport.js'

/** Both links with one peer, and the rule that they belong to one life of it: the present one. */
export class PeerLinks implements OutgoingLinkOwner {
  readonly outgoing: OutgoingLink
  readonly #context: LinkContext
  readonly #address: PeerAddress
  readonly #life = new PeerLife()
  #incoming: IncomingLink | undefined
  #version = 0
  #state: LinkState = { sendable: false, receivable: false, identity: undefined, version: 0 }

  constructor(context: LinkContext, address: PeerAddress) {
    this.#context = context
    this.#address = address
    this.outgoing = new OutgoingLink(context, this, address)
  }

  get state(): LinkState {
    return this.#state
  }

  admitIncoming(link: IncomingLink): boolean {
    const life = this.#life.admit(link.identity, link.sequence)
    const former = this.#incoming
    if (life === 'old' || (former && life === 'same' && former.sequence > link.sequence)) return false
    this.#incoming = link
    this.#version = link.version
    former?.refuse('SUPERSEDED', 'a newer link of this node is up')
    this.outgoing.peerSeen(link.identity)
    this.#publish()
    return true
  }

  incomingGone(link: IncomingLink): void {
    if (this.#incoming !== link) return
    this.#incoming = undefined
    this.#publish()
  }

  admitOutgoing(identity: LinkIdentity, version: number, sequence: number): boolean {
    const life = this.#life.admit(identity, sequence)
    if (life === 'old') return false
    this.#version = version
    // From here on no frame of the former life is delivered, although its connection may still look sound.
    if (life === 'new') this.#incoming?.refuse('SUPERSEDED', 'a later life of this node is up')
    return true
  }

  outgoingChanged(): void {
    this.#publish()
  }

  /** The identity of this node has changed. */
  remake(): void {
    this.outgoing.remake()
    this.#incoming?.close(identityChangedCode, 'IDENTITY_CHANGED')
  }

  stop(): Promise<void> {
    this.#incoming?.close(stoppingCode, 'STOPPING')
    return this.outgoing.stop()
  }

  #publish(): void {
    const before = this.#state
    const now: LinkState = {
      sendable: this.outgoing.isUp,
      receivable: this.#incoming !== undefined,
      identity: this.#life.identity,
      version: this.#version,
    }
    const same =
      before.sendable === now.sendable &&
      before.receivable === now.receivable &&
      before.identity === now.identity &&
      before.version === now.version
    if (same) return
    this.#state = now
    if (!this.#context.stopped) this.#context.handlers.onLink(this.#address.nodeId, now)
  }
}
