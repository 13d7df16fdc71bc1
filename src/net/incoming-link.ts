import type { NodeId } from '../base/numbers.js'
import { ListenerHandshake } from './handshake.js'
import type { LinkContext } from './link-context.js'
import type { LinkIdentity } from './link-identity.js'
import type { InboundHandler, InboundSocket } from './listener.js'
import { identityChangedCode, type RefusalCode, refusalCloseCodes, refusalOf, stoppingCode } from './refusal.js'

/** What an accepted link asks of those who know the peers. */
export interface IncomingLinkOwner {
  isPeer(nodeId: NodeId): boolean
  /** The handshake is completed. Answers false if a newer link or life is up. */
  admit(link: IncomingLink): boolean
  /** The link is over; it may never have been admitted. */
  gone(link: IncomingLink): void
}

/** One accepted WebSocket: first a stranger, then the link on which one life of one peer sends. */
export class IncomingLink implements InboundHandler {
  readonly #context: LinkContext
  readonly #owner: IncomingLinkOwner
  readonly #socket: InboundSocket
  readonly #handshake: ListenerHandshake
  #timer: NodeJS.Timeout | undefined
  #state: 'hello' | 'proof' | 'up' | 'over' = 'hello'
  #identity: LinkIdentity | undefined
  #version = 0
  #sequence = 0

  constructor(context: LinkContext, owner: IncomingLinkOwner, socket: InboundSocket) {
    this.#context = context
    this.#owner = owner
    this.#socket = socket
    this.#handshake = new ListenerHandshake(context.identity, context.secret, context.nonce(), (id) => owner.isPeer(id))
    this.#timer = setTimeout(
      () => this.refuse('HANDSHAKE_TIMEOUT', 'the handshake was not completed in time'),
      context.options.handshakeMs,
    )
  }

  get isProven(): boolean {
    return this.#version > 0
  }

  /** Only of a link that is proven. */
  get identity(): LinkIdentity {
    return this.#identity as LinkIdentity
  }

  get version(): number {
    return this.#version
  }

  get sequence(): number {
    return this.#sequence
  }

  message(bytes: Uint8Array, binary: boolean): void {
    if (this.#state === 'up') this.#frame(bytes, binary)
    else if (this.#state === 'over') this.#context.counters.framesDropped++
    else if (!binary) this.refuse('BAD_FRAME', 'a text frame')
    else if (this.#state === 'hello') this.#hello(bytes)
    else this.#proof(bytes)
  }

  closed(code: number, broken: RefusalCode | undefined): void {
    const wasSilent = this.#state === 'hello'
    if (this.#state === 'over') return
    this.#finish()
    // One that ends before it has said a HELLO is garbage, or looks like it: libraries differ in whether they tell.
    const onPurpose = code === identityChangedCode || code === stoppingCode
    const reason = broken ?? refusalOf(code) ?? (wasSilent && !onPurpose ? 'BAD_FRAME' : undefined)
    if (reason) this.#context.refused(reason, this.#remote(), 'the other side ended it, or broke the rules')
  }

  refuse(reason: RefusalCode, detail: string): void {
    if (this.#state === 'over') return
    const remote = this.#remote()
    this.#finish()
    this.#socket.close(refusalCloseCodes[reason], reason)
    this.#context.refused(reason, remote, detail)
  }

  /** Makes room for newer strangers. */
  evict(): void {
    if (this.#state === 'over') return
    this.#finish()
    this.#socket.cut()
    this.#context.refused('TOO_MANY', this.#remote(), 'too many connections without a completed handshake')
  }

  /** Ends it without blame. */
  close(code: number, reason: string): void {
    if (this.#state === 'over') return
    this.#finish()
    this.#socket.close(code, reason)
  }

  #hello(bytes: Uint8Array): void {
    this.#sequence = this.#context.nextSequence()
    const answer = this.#handshake.hello(bytes)
    if ('refused' in answer) {
      this.refuse(answer.refused, 'its HELLO does not fit')
      return
    }
    this.#identity = answer.identity
    this.#state = 'proof'
    this.#socket.send(answer.reply)
  }

  #proof(bytes: Uint8Array): void {
    const answer = this.#handshake.proof(bytes)
    if ('refused' in answer) {
      this.refuse(answer.refused, 'its proof does not fit')
      return
    }
    this.#version = answer.version
    clearTimeout(this.#timer)
    this.#state = 'up'
    if (!this.#owner.admit(this)) {
      this.refuse('SUPERSEDED', 'a newer link of this node is up')
      return
    }
    this.#socket.trust()
    this.#socket.send(answer.reply)
  }

  #frame(bytes: Uint8Array, binary: boolean): void {
    const { counters, handlers, options } = this.#context
    if (!binary || bytes.byteLength === 0) {
      this.refuse('BAD_FRAME', binary ? 'an empty frame' : 'a text frame')
      return
    }
    if (bytes.byteLength > options.maxFrameBytes) {
      this.refuse('TOO_LARGE', `a frame of ${bytes.byteLength} bytes`)
      return
    }
    counters.framesIn++
    counters.bytesIn += bytes.byteLength
    handlers.onFrame((this.#identity as LinkIdentity).nodeId, bytes)
  }

  #finish(): void {
    clearTimeout(this.#timer)
    this.#state = 'over'
    this.#owner.gone(this)
  }

  #remote(): string {
    return this.#identity ? `node ${this.#identity.nodeId} at ${this.#socket.remote}` : this.#socket.remote
  }
}
