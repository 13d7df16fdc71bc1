import { randomBytes } from 'node:crypto'
import type { Secret } from './handshake.js'
import { nonceBytes } from './handshake-frames.js'
import type { LinkIdentity } from './link-identity.js'
import { emptyRefusals, type RefusalCode } from './refusal.js'
import type { TransportCounters, TransportHandlers, TransportOptions } from './transport.js'

/** What all links of one transport share. */
export class LinkContext {
  readonly options: TransportOptions
  readonly secret: Secret
  readonly counters: TransportCounters = {
    framesIn: 0,
    framesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    framesDropped: 0,
    sendsFull: 0,
    reconnects: 0,
    refused: emptyRefusals(),
  }
  identity: LinkIdentity
  stopped = false
  #sequence = 0

  constructor(options: TransportOptions) {
    this.options = options
    this.identity = options.self
    this.secret = options.clusterSecret ?? ''
  }

  get handlers(): TransportHandlers {
    return this.options.handlers
  }

  nonce(): Uint8Array {
    return randomBytes(nonceBytes)
  }

  /** The order of handshakes, see `PeerLife`. */
  nextSequence(): number {
    return ++this.#sequence
  }

  /**
   * Counts and tells. A dialer says whether to log. For what strangers do, the first, second, fourth, eighth .. of a kind are
   * logged: they must not be able to fill the log.
   */
  refused(reason: RefusalCode, remote: string, detail: string, log?: boolean): void {
    if (this.stopped) return
    const count = ++this.counters.refused[reason]
    if (log ?? (count & (count - 1)) === 0)
      this.options.logger.warn({ reason, remote, count }, `Link with ${remote} refused (${reason}): ${detail}`)
    this.handlers.onRefused(reason, remote)
  }
}
