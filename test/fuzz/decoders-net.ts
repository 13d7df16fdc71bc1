import { DialerHandshake, ListenerHandshake } from '../../src/net/handshake.js'
import * as frames from '../../src/net/handshake-frames.js'
import type { LinkIdentity } from '../../src/net/link-identity.js'
import { type Decoder, decoder, REFUSED, unlessFlawed } from './decoder.js'

const SECRET = 'a secret'
const nonce = new Uint8Array(frames.nonceBytes).fill(7)
const proof = new Uint8Array(32).fill(9)

function identity(nodeId: number, clusterId: string): LinkIdentity {
  const voterId = nodeId.toString(16).padStart(16, '0')
  return {
    nodeId,
    clusterId,
    voterId,
    incarnation: '00c0ffee12345678',
    groupCount: 4,
    protocolMin: 1,
    protocolMax: 3,
  }
}

const identities = ['', 'cluster-a', 'c'.repeat(64)].map((clusterId) => identity(2, clusterId))
const dialer = () => new DialerHandshake(identity(2, 'cluster-a'), 1, SECRET, nonce)
const listener = () => new ListenerHandshake(identity(1, 'cluster-a'), SECRET, nonce, (nodeId) => nodeId === 2)

/** Each side of a handshake, as far as the frame at hand; what it answers to the valid one. */
function handshakeOf(bytes: { readonly hello: Uint8Array; readonly challenge: Uint8Array }) {
  const listening = listener()
  listening.hello(bytes.hello)
  return listening
}

function valid() {
  const dialing = dialer()
  const hello = dialing.hello()
  const challenge = listener().hello(hello)
  if ('refused' in challenge) throw new Error(challenge.refused)
  const answer = dialing.challenge(challenge.reply)
  if ('refused' in answer) throw new Error(answer.refused)
  return { hello, challenge: challenge.reply, proof: answer.reply, ready: frames.encodeReady(3) }
}

/** A step of a handshake, which refuses by naming why. */
function step(answer: { readonly refused: string } | { readonly identity: LinkIdentity }): unknown {
  return 'refused' in answer ? REFUSED : answer
}

export const netDecoders: readonly Decoder[] = [
  decoder<frames.IdentityFrame>({
    name: 'HELLO',
    covers: ['net/handshake-frames.decodeHello'],
    seeds: () => identities.map((one) => frames.encodeHello({ identity: one, nonce })),
    decode: (bytes) => unlessFlawed(frames.decodeHello(bytes)),
    encode: frames.encodeHello,
    canonical: true,
  }),
  decoder<Parameters<typeof frames.encodeChallenge>[0]>({
    name: 'CHALLENGE',
    covers: ['net/handshake-frames.decodeChallenge', 'net/handshake-frames.challengeHead'],
    seeds: () => identities.map((one) => frames.encodeChallenge({ identity: one, nonce, proof })),
    decode: (bytes) => unlessFlawed(frames.decodeChallenge(bytes)),
    encode: frames.encodeChallenge,
    canonical: true,
  }),
  decoder<Uint8Array>({
    name: 'PROOF',
    covers: ['net/handshake-frames.decodeProof'],
    seeds: () => [frames.encodeProof(proof)],
    decode: (bytes) => unlessFlawed(frames.decodeProof(bytes)),
    encode: frames.encodeProof,
    canonical: true,
  }),
  decoder<number>({
    name: 'READY',
    covers: ['net/handshake-frames.decodeReady'],
    seeds: () => [1, 3, 65535].map(frames.encodeReady),
    decode: (bytes) => unlessFlawed(frames.decodeReady(bytes)),
    encode: frames.encodeReady,
    canonical: true,
  }),
  decoder({
    name: 'handshake, HELLO at a listener',
    covers: ['net/handshake.ListenerHandshake'],
    seeds: () => [valid().hello],
    decode: (bytes) => step(listener().hello(bytes)),
  }),
  decoder({
    name: 'handshake, PROOF at a listener',
    covers: [],
    seeds: () => [valid().proof],
    decode: (bytes) => step(handshakeOf(valid()).proof(bytes)),
  }),
  decoder({
    name: 'handshake, CHALLENGE at a dialer',
    covers: ['net/handshake.DialerHandshake', 'net/link-identity.judgeIdentity'],
    seeds: () => [valid().challenge],
    decode: (bytes) => step(dialer().challenge(bytes)),
  }),
  decoder({
    name: 'handshake, READY at a dialer',
    covers: [],
    seeds: () => [valid().ready],
    decode: (bytes) => {
      const dialing = dialer()
      dialing.challenge(valid().challenge)
      return dialing.ready(bytes) ? true : REFUSED
    },
  }),
]
