import { BackOff } from './back-off.js'
import { DelayLine } from './delay-line.js'
import { Dial, type DialOwner } from './dial.js'
import type { LinkContext } from './link-context.js'
import type { LinkIdentity, PeerAddress } from './link-identity.js'
import { identityChangedCode, type RefusalCode, stoppingCode } from './refusal.js'

export interface OutgoingLinkOwner {
  /** The handshake is completed. Answers false if the life on the other end is an earlier one. */
  admitOutgoing(identity: LinkIdentity, version: number, sequence: number): boolean
  outgoingChanged(): void
}

/** The link on which this node sends to one peer: dialed, kept up, dialed again. */
export class OutgoingLink implements DialOwner {
  readonly #context: LinkContext
  readonly #owner: OutgoingLinkOwner
  readonly #address: PeerAddress
  readonly #backOff: BackOff
  readonly #delayLine: DelayLine | undefined
  #dial: Dial | undefined
  #retry: NodeJS.Timeout | undefined
  #stable: NodeJS.Timeout | undefined
  #wasFull = false
  #everUp = false
  #remaking = false
  #lastWhy = ''
  #stopped: (() => void) | undefined

  constructor(context: LinkContext, owner: OutgoingLinkOwner, address: PeerAddress) {
    const { options } = context
    this.#context = context
    this.#owner = owner
    this.#address = address
    this.#backOff = new BackOff(options.reconnectMinMs, options.reconnectMaxMs, options.random)
    if (options.rttMs) this.#delayLine = new DelayLine(options.rttMs / 2, (frame) => this.#deliver(frame))
  }

  get isUp(): boolean {
    return this.#dial?.isUp ?? false
  }

  dial(): void {
    clearTimeout(this.#retry)
    this.#retry = undefined
    this.#dial = new Dial(this.#context, this, this.#address)
  }

  send(frame: Uint8Array): 'sent' | 'full' | 'down' {
    const dial = this.#dial
    if (!dial?.isUp) return 'down'
    const { counters, options } = this.#context
    const waiting = this.#waitingBytes(dial)
    // An empty link takes any frame: else one longer than `linkBytes` would never leave.
    if (waiting > 0 && waiting + frame.byteLength > options.linkBytes) {
      this.#wasFull = true
      counters.sendsFull++
      return 'full'
    }
    counters.framesOut++
    counters.bytesOut += frame.byteLength
    if (this.#delayLine) this.#delayLine.push(frame)
    else dial.send(frame)
    return 'sent'
  }

  /** The peer was just seen alive: a dialer that waits need not wait longer, one linked to a former life is in the wrong place. */
  peerSeen(identity: LinkIdentity): void {
    const linked = this.#dial?.identity
    if (linked && linked.incarnation !== identity.incarnation) {
      this.#drop()
      this.dial()
    } else if (this.#retry) this.dial()
  }

  /** Makes the link anew under the identity of now; what was sent leaves first. */
  remake(): void {
    this.#backOff.reset()
    if (this.#retry) this.dial()
    else if (this.#dial?.isUp) {
      this.#remaking = true
      this.#delayLine?.flush()
      this.#dial.close(identityChangedCode, 'IDENTITY_CHANGED')
      this.#owner.outgoingChanged()
    } else if (this.#dial?.hasSpoken && !this.#remaking) {
      // A link that ends before its HELLO is garbage to the other side: one that has said nothing yet goes on.
      this.#drop()
      this.dial()
    }
  }

  stop(): Promise<void> {
    clearTimeout(this.#retry)
    clearTimeout(this.#stable)
    this.#delayLine?.flush()
    const dial = this.#dial
    if (!dial) return Promise.resolve()
    return new Promise((resolve) => {
      this.#stopped = resolve
      dial.close(stoppingCode, 'STOPPING')
    })
  }

  up(dial: Dial): boolean {
    if (!this.#owner.admitOutgoing(dial.identity as LinkIdentity, dial.version, dial.sequence)) return false
    if (this.#everUp) this.#context.counters.reconnects++
    this.#everUp = true
    this.#lastWhy = ''
    this.#wasFull = false
    this.#stable = setTimeout(() => this.#backOff.reset(), this.#context.options.reconnectMaxMs)
    this.#context.options.logger.info({ peer: this.#address.nodeId }, `Link to ${dial.remote} is up`)
    this.#owner.outgoingChanged()
    return true
  }

  over(dial: Dial, end: { wasUp: boolean; closeCode: number; refused: RefusalCode | undefined; why: string }): void {
    if (dial !== this.#dial) return
    const remaking = this.#remaking
    this.#forget()
    if (this.#stopped) {
      this.#stopped()
      return
    }
    if (end.refused) this.#context.refused(end.refused, dial.remote, end.why, this.#lastWhy !== end.refused)
    else if (this.#lastWhy !== end.why && !remaking)
      this.#context.options.logger.info({ peer: this.#address.nodeId }, `No link to ${dial.remote}: ${end.why}`)
    this.#lastWhy = end.refused ?? end.why
    // A peer that is proven, and says that it only changed its identity, is dialed again at once; a stranger's word is not enough.
    const atOnce = remaking || (end.wasUp && end.closeCode === identityChangedCode)
    if (atOnce) this.dial()
    else this.#retryIn(end.refused ? this.#backOff.refused() : this.#backOff.failed())
    if (end.wasUp) this.#owner.outgoingChanged()
  }

  progress(): void {
    const dial = this.#dial
    if (!this.#wasFull || !dial?.isUp || this.#waitingBytes(dial) > this.#context.options.linkBytes / 2) return
    this.#wasFull = false
    this.#context.handlers.onDrain(this.#address.nodeId)
  }

  #waitingBytes(dial: Dial): number {
    return dial.waitingBytes + (this.#delayLine?.bytes ?? 0)
  }

  #deliver(frame: Uint8Array): void {
    if (this.#dial?.isUp) this.#dial.send(frame)
  }

  #retryIn(ms: number): void {
    this.#retry = setTimeout(() => this.dial(), ms)
  }

  /** Ends the present attempt without a word. */
  #drop(): void {
    this.#dial?.cut()
    this.#forget()
  }

  #forget(): void {
    clearTimeout(this.#stable)
    this.#delayLine?.clear()
    this.#dial = undefined
    this.#wasFull = false
    this.#remaking = false
  }
}
