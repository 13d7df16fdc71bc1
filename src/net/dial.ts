import { type ClientOptions, WebSocket } from 'ws'
import type { NodeId } from '../base/numbers.js'
import { DialerHandshake } from './handshake.js'
import { maxHandshakeFrameBytes } from './handshake-frames.js'
import { KeepAlive } from './keep-alive.js'
import type { LinkContext } from './link-context.js'
import type { LinkIdentity, PeerAddress } from './link-identity.js'
import { linkPath } from './listener.js'
import { type RefusalCode, refusalCloseCodes, refusalOf } from './refusal.js'

/** How long an orderly close may take, the sending of what waits included, before the connection is cut. */
const closeMs = 3_000

export interface DialOwner {
  /** READY has arrived. Answers false if the life on the other end is an earlier one. */
  up(dial: Dial): boolean
  /** Once, at the end, unless `cut` ended it. `refused` is set if either side refused. */
  over(dial: Dial, end: { wasUp: boolean; closeCode: number; refused: RefusalCode | undefined; why: string }): void
  /** Some of what waited has left. */
  progress(): void
}

/** A mask of zeros: `ws` then leaves the frame as it is. Masks protect proxies from browsers; neither is here. */
function zeroMask(mask: Buffer): void {
  mask[0] = 0
  mask[1] = 0
  mask[2] = 0
  mask[3] = 0
}

// Told to `send` with each frame; `compress` and `fin` have the defaults wanted.
const binary = { binary: true }

/** The URL of a peer's listener; throws for what is no host or port. */
export function linkUrl(address: PeerAddress): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return new URL(`ws://${host}:${address.port}${linkPath}`).href
}

function connect(address: PeerAddress): WebSocket {
  // `closeTimeout` is missing from the typings.
  const options: ClientOptions & { closeTimeout: number } = {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    followRedirects: false,
    generateMask: zeroMask,
    // Nothing but the handshake comes this way.
    maxPayload: maxHandshakeFrameBytes,
    closeTimeout: closeMs,
  }
  return new WebSocket(linkUrl(address), options)
}

/** One attempt at one link, from the connection to its end. */
export class Dial {
  readonly remote: string
  readonly #context: LinkContext
  readonly #owner: DialOwner
  readonly #nodeId: NodeId
  readonly #ws: WebSocket
  readonly #timer: NodeJS.Timeout
  readonly #keepAlive: KeepAlive
  #state: 'connecting' | 'challenge' | 'ready' | 'up' | 'over' = 'connecting'
  #wasUp = false
  #refused: RefusalCode | undefined
  #why = 'the connection ended'
  #handshake: DialerHandshake | undefined
  #identity: LinkIdentity | undefined
  #version = 0
  #sequence = 0
  #writes = 0
  // One function for all frames: a closure for each would be garbage on the hot path.
  readonly #written = (): void => {
    this.#writes++
    this.#owner.progress()
  }

  constructor(context: LinkContext, owner: DialOwner, address: PeerAddress) {
    this.#context = context
    this.#owner = owner
    this.remote = `node ${address.nodeId} at ${address.host}:${address.port}`
    this.#nodeId = address.nodeId
    const ws = connect(address)
    this.#ws = ws
    this.#timer = setTimeout(() => this.#late(), context.options.handshakeMs)
    this.#keepAlive = new KeepAlive(context.options.keepAliveMs, {
      ping: () => ws.readyState === WebSocket.OPEN && ws.ping(),
      cut: () => {
        this.#why = 'it stayed silent'
        ws.terminate()
      },
      progress: () => this.#writes,
    })
    const heard = () => this.#keepAlive.heard()
    ws.on('open', () => this.#open())
    ws.on('message', (data, isBinary) => this.#message(data as Buffer, isBinary))
    ws.on('ping', heard)
    ws.on('pong', heard)
    ws.on('error', (error: NodeJS.ErrnoException) => {
      this.#why = error.code ?? error.message
    })
    ws.on('close', (code) => this.#closed(code))
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** Whether it has told its identity: one that has not will tell the one of then. */
  get hasSpoken(): boolean {
    return this.#handshake !== undefined
  }

  /** The peer's, proven once the handshake has come to its CHALLENGE. */
  get identity(): LinkIdentity | undefined {
    return this.#identity
  }

  get version(): number {
    return this.#version
  }

  get sequence(): number {
    return this.#sequence
  }

  /** Bytes given to `send` that the operating system has not taken. */
  get waitingBytes(): number {
    return this.#ws.bufferedAmount
  }

  send(frame: Uint8Array): void {
    this.#ws.send(frame, binary, this.#written)
  }

  /** Sends what waits, then ends the link; `over` follows within a second. */
  close(code: number, reason: string): void {
    if (this.#state === 'over') return
    const opened = this.#state !== 'connecting'
    this.#finish()
    if (opened) this.#ws.close(code, reason)
    else this.#ws.terminate()
  }

  /** Ends the link at once; `over` does not follow. */
  cut(): void {
    this.#finish()
    this.#ws.removeAllListeners('close')
    this.#ws.terminate()
  }

  #open(): void {
    if (this.#state !== 'connecting') return
    this.#state = 'challenge'
    this.#sequence = this.#context.nextSequence()
    const { identity, secret } = this.#context
    this.#handshake = new DialerHandshake(identity, this.#nodeId, secret, this.#context.nonce())
    this.#ws.send(this.#handshake.hello(), binary)
  }

  #message(bytes: Buffer, isBinary: boolean): void {
    this.#keepAlive.heard()
    if (this.#state === 'over') return
    if (isBinary && this.#state === 'challenge') this.#challenge(bytes)
    else if (isBinary && this.#state === 'ready' && this.#handshake?.ready(bytes)) this.#up()
    else this.#refuse('BAD_FRAME', 'its answer is not of this protocol')
  }

  #challenge(bytes: Buffer): void {
    const answer = (this.#handshake as DialerHandshake).challenge(bytes)
    if ('refused' in answer) {
      this.#refuse(answer.refused, 'its CHALLENGE does not fit')
      return
    }
    this.#identity = answer.identity
    this.#version = answer.version
    this.#state = 'ready'
    this.#ws.send(answer.reply, binary)
  }

  #up(): void {
    clearTimeout(this.#timer)
    this.#state = 'up'
    if (this.#owner.up(this)) this.#wasUp = true
    else this.#refuse('SUPERSEDED', 'a later life of this node is up')
  }

  #late(): void {
    if (this.#state !== 'connecting') {
      this.#refuse('HANDSHAKE_TIMEOUT', 'the handshake was not completed in time')
      return
    }
    this.#why = 'no connection in time'
    this.#ws.terminate()
  }

  #refuse(reason: RefusalCode, why: string): void {
    this.#refused = reason
    this.#why = why
    this.close(refusalCloseCodes[reason], reason)
  }

  #closed(closeCode: number): void {
    if (this.#state !== 'over' && !this.#refused) {
      this.#refused = refusalOf(closeCode)
      if (this.#refused) this.#why = 'the other side says so'
    }
    this.#finish()
    this.#owner.over(this, { wasUp: this.#wasUp, closeCode, refused: this.#refused, why: this.#why })
  }

  #finish(): void {
    clearTimeout(this.#timer)
    this.#keepAlive.stop()
    this.#state = 'over'
  }
}
