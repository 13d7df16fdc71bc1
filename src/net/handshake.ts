import { createHmac, timingSafeEqual } from 'node:crypto'
import type { NodeId } from '../base/numbers.js'
import {
  challengeHead,
  decodeChallenge,
  decodeHello,
  decodeProof,
  decodeReady,
  encodeChallenge,
  encodeHello,
  encodeProof,
  encodeReady,
  type IdentityFrame,
} from './handshake-frames.js'
import { commonVersion, judgeIdentity, type LinkIdentity } from './link-identity.js'
import type { RefusalCode } from './refusal.js'

/*
 *   dialer                                   listener
 *   HELLO {identity, nonceA}       ───────►  judges the identity
 *   verifies, judges               ◄───────  CHALLENGE {identity, nonceB, proof}
 *   PROOF {proof}                  ───────►  verifies
 *   the link is up                 ◄───────  READY {version}        the link is up
 *
 * Each proof is an HMAC-SHA256 under the cluster secret over its side's name, the whole HELLO and the CHALLENGE without its
 * proof: both identities (cluster, node, voter, incarnation, versions) and both nonces. So neither proof can be reflected,
 * used again on another link, or moved to another identity. Sockets, timers and lists of peers live elsewhere.
 */

export type Secret = string | Uint8Array

interface Refused {
  readonly refused: RefusalCode
}
interface Reply {
  readonly reply: Uint8Array
  readonly identity: LinkIdentity
  readonly version: number
}

function prove(side: 'dialer' | 'listener', secret: Secret, hello: Uint8Array, challenge: Uint8Array): Uint8Array {
  return createHmac('sha256', secret).update(`shardpaxos link 1 ${side}\0`).update(hello).update(challenge).digest()
}

export class DialerHandshake {
  readonly #own: LinkIdentity
  readonly #dialed: NodeId
  readonly #secret: Secret
  readonly #hello: Uint8Array
  #version = 0

  constructor(own: LinkIdentity, dialed: NodeId, secret: Secret, nonce: Uint8Array) {
    this.#own = own
    this.#dialed = dialed
    this.#secret = secret
    this.#hello = encodeHello({ identity: own, nonce })
  }

  hello(): Uint8Array {
    return this.#hello
  }

  challenge(bytes: Uint8Array): Reply | Refused {
    const challenge = decodeChallenge(bytes)
    if (!challenge) return { refused: 'BAD_FRAME' }
    const { identity } = challenge
    const head = challengeHead(challenge)
    const objection = judgeIdentity(this.#own, identity)
    if (objection) return { refused: objection }
    if (identity.nodeId !== this.#dialed) return { refused: 'UNKNOWN_NODE' }
    if (!timingSafeEqual(challenge.proof, prove('listener', this.#secret, this.#hello, head)))
      return { refused: 'SECRET_MISMATCH' }
    this.#version = commonVersion(this.#own, identity)
    const reply = encodeProof(prove('dialer', this.#secret, this.#hello, head))
    return { reply, identity, version: this.#version }
  }

  ready(bytes: Uint8Array): boolean {
    return this.#version > 0 && decodeReady(bytes) === this.#version
  }
}

export class ListenerHandshake {
  readonly #own: LinkIdentity
  readonly #secret: Secret
  readonly #nonce: Uint8Array
  readonly #isPeer: (nodeId: NodeId) => boolean
  #hello: IdentityFrame | undefined
  #expected: Uint8Array | undefined

  constructor(own: LinkIdentity, secret: Secret, nonce: Uint8Array, isPeer: (nodeId: NodeId) => boolean) {
    this.#own = own
    this.#secret = secret
    this.#nonce = nonce
    this.#isPeer = isPeer
  }

  hello(bytes: Uint8Array): Reply | Refused {
    const hello = decodeHello(bytes)
    if (!hello) return { refused: 'BAD_FRAME' }
    const objection = judgeIdentity(this.#own, hello.identity)
    if (objection) return { refused: objection }
    if (!this.#isPeer(hello.identity.nodeId)) return { refused: 'UNKNOWN_NODE' }
    const helloBytes = encodeHello(hello)
    const challenge = { identity: this.#own, nonce: this.#nonce }
    const head = challengeHead(challenge)
    const proof = prove('listener', this.#secret, helloBytes, head)
    this.#hello = hello
    this.#expected = prove('dialer', this.#secret, helloBytes, head)
    return {
      reply: encodeChallenge({ ...challenge, proof }),
      identity: hello.identity,
      version: commonVersion(this.#own, hello.identity),
    }
  }

  proof(bytes: Uint8Array): Reply | Refused {
    const proof = decodeProof(bytes)
    if (!proof || !this.#hello || !this.#expected) return { refused: 'BAD_FRAME' }
    if (!timingSafeEqual(proof, this.#expected)) return { refused: 'SECRET_MISMATCH' }
    const { identity } = this.#hello
    const version = commonVersion(this.#own, identity)
    return { reply: encodeReady(version), identity, version }
  }
}
