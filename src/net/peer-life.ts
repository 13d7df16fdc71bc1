import { type LinkIdentity, sameIdentity } from './link-identity.js'

/**
 * Which life of a peer is the present one.
 *
 * Incarnations are random and cannot be compared, so lives are ordered by the *sequence* of their links: a counter of this
 * process, drawn at the moment its side of the handshake was handed a HELLO (listener) or sent one (dialer). At that moment
 * the peer's process had started, since it had sent the HELLO or answered the upgrade; and it lived on after it, since it
 * answered the nonce that followed. A later life starts after the earlier one's end, so all sequences of the earlier life
 * are below all of the later one's, however late a packet of the dead one is delivered.
 */
export class PeerLife {
  #identity: LinkIdentity | undefined
  #sequence = 0

  get identity(): LinkIdentity | undefined {
    return this.#identity
  }

  /** Takes note of a completed handshake. `old`: the link must not come up. `new`: links of the former life must go. */
  admit(identity: LinkIdentity, sequence: number): 'same' | 'new' | 'old' {
    const known = this.#identity
    if (known && known.incarnation === identity.incarnation) {
      if (sequence > this.#sequence) {
        this.#sequence = sequence
        if (!sameIdentity(known, identity)) this.#identity = identity
      }
      return 'same'
    }
    if (known && sequence < this.#sequence) return 'old'
    this.#identity = identity
    this.#sequence = sequence
    return 'new'
  }
}
