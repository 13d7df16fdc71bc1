import { assert } from '../base/assert.js'
import type { NodeId } from '../base/numbers.js'
import { AcceptedLinks } from './accepted-links.js'
import { linkUrl } from './dial.js'
import { LinkContext } from './link-context.js'
import { checkIdentity, type LinkIdentity, type PeerAddress, sameIdentity } from './link-identity.js'
import type { Listener } from './listener.js'
import { NetError } from './net-error.js'
import { openListener } from './open-listener.js'
import { PeerLinks } from './peer-links.js'
import type { LinkState, Transport, TransportCounters, TransportOptions } from './transport.js'

/** TCP connections that may be open without having become a WebSocket: they hold next to nothing. */
const maxConnecting = 1_024

const noLinks: LinkState = { sendable: false, receivable: false, identity: undefined, version: 0 }

class LinkTransport implements Transport {
  readonly #context: LinkContext
  readonly #peers = new Map<NodeId, PeerLinks>()
  readonly #accepted: AcceptedLinks
  #listener: Listener | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(options: TransportOptions) {
    this.#context = new LinkContext(options)
    for (const peer of options.peers)
      if (peer.nodeId !== options.self.nodeId) this.#peers.set(peer.nodeId, new PeerLinks(this.#context, peer))
    this.#accepted = new AcceptedLinks(this.#context, this.#peers)
  }

  get port(): number {
    return this.#listener?.port ?? 0
  }

  get listener(): 'uws' | 'ws' | undefined {
    return this.#listener?.kind
  }

  get counters(): Readonly<TransportCounters> {
    return this.#context.counters
  }

  start(): Promise<void> {
    assert(!this.#starting, 'a transport is started once')
    this.#starting = this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    const { options } = this.#context
    const listener = await openListener(options.listener, options.logger, {
      host: options.listen.host,
      port: options.listen.port,
      maxFrameBytes: options.maxFrameBytes,
      handshakeMs: options.handshakeMs,
      keepAliveMs: options.keepAliveMs,
      maxConnecting,
      accept: (socket) => this.#accepted.accept(socket),
      junk: (reason, remote) => this.#context.refused(reason, remote, 'not a link of this protocol'),
    })
    if (this.#stopping) {
      await listener.close()
      throw new NetError('TRANSPORT_STOPPED', 'The transport was stopped before it listened.')
    }
    this.#listener = listener
    for (const peer of this.#peers.values()) peer.outgoing.dial()
  }

  send(peer: NodeId, frame: Uint8Array): 'sent' | 'full' | 'down' {
    const { length } = frame
    assert(length > 0 && length <= this.#context.options.maxFrameBytes, `a frame of ${length} bytes cannot be sent`)
    return this.#peers.get(peer)?.outgoing.send(frame) ?? 'down'
  }

  setIdentity(identity: LinkIdentity): void {
    const { nodeId, voterId, incarnation } = this.#context.identity
    checkIdentity(identity)
    assert(
      identity.nodeId === nodeId && identity.voterId === voterId && identity.incarnation === incarnation,
      'a process keeps its node, voter and incarnation',
    )
    if (this.#stopping || sameIdentity(identity, this.#context.identity)) return
    this.#context.identity = identity
    if (!this.#listener) return
    this.#accepted.remake()
    for (const peer of this.#peers.values()) peer.remake()
  }

  linkState(peer: NodeId): LinkState {
    return this.#peers.get(peer)?.state ?? noLinks
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#context.stopped = true
    this.#listener?.stopListening()
    this.#accepted.stop()
    // Its failure is told to who called `start`.
    await this.#starting?.catch(() => {})
    await Promise.all([...this.#peers.values()].map((peer) => peer.stop()))
    await this.#listener?.close()
  }
}

/** Throws a `NetError` for an identity or an address that could never work. Opens nothing: that is `start`. */
export function createTransport(options: TransportOptions): Transport {
  checkIdentity(options.self)
  for (const peer of options.peers) checkAddress(peer)
  return new LinkTransport(options)
}

function checkAddress(peer: PeerAddress): void {
  try {
    linkUrl(peer)
  } catch {
    throw new NetError(
      'ADDRESS_INVALID',
      `Node ${peer.nodeId} cannot be dialed at ${peer.host}:${peer.port}: give a host name or an IP address, and a port in 1..65535.`,
    )
  }
}
