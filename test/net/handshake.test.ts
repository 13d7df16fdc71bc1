import { randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { DialerHandshake, ListenerHandshake } from '../../src/net/handshake.js'
import { decodeChallenge, decodeHello, decodeProof, decodeReady, encodeHello } from '../../src/net/handshake-frames.js'
import { judgeIdentity, type LinkIdentity } from '../../src/net/link-identity.js'
import { identity } from './fixture.js'

const hex16 = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const identities: fc.Arbitrary<LinkIdentity> = fc
  .record({
    clusterId: fc.string({ unit: 'grapheme-ascii', maxLength: 64 }),
    nodeId: fc.integer({ min: 1, max: 65535 }),
    voterId: hex16,
    incarnation: hex16,
    groupCount: fc.integer({ min: 0, max: 0xffffffff }),
    range: fc.tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: 65535 })),
  })
  .map(({ range, ...rest }) => ({ ...rest, protocolMin: Math.min(...range), protocolMax: Math.max(...range) }))

const one = identity(1)
const two = identity(2)

function pair(secrets: [string, string] = ['s', 's']) {
  return {
    dialer: new DialerHandshake(one, 2, secrets[0], randomBytes(32)),
    listener: new ListenerHandshake(two, secrets[1], randomBytes(32), (id) => id === 1),
  }
}

/** The reply, or the refusal in its place. */
const replyOf = (answer: { reply: Uint8Array } | { refused: string }) =>
  'reply' in answer ? answer.reply : Buffer.alloc(0)

describe('frames of the handshake', () => {
  test('carry every identity', () => {
    fc.assert(
      fc.property(identities, (self) => {
        const nonce = randomBytes(32)
        expect(decodeHello(encodeHello({ identity: self, nonce }))).toEqual({ identity: self, nonce })
      }),
    )
  })

  test('decode to nothing, whatever the bytes', () => {
    const hello = encodeHello({ identity: one, nonce: randomBytes(32) })
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.concat([Buffer.from('5350584c01', 'hex'), bytes])),
      fc.nat(hello.length - 1).map((length) => hello.slice(0, length)),
    )
    fc.assert(
      fc.property(junk, (bytes) => {
        for (const decode of [decodeHello, decodeChallenge, decodeProof, decodeReady]) decode(bytes)
        expect(decodeChallenge(bytes)).toBeUndefined()
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the handshake', () => {
  test('ends in one version on both sides', () => {
    const { dialer, listener } = pair()
    const challenge = listener.hello(dialer.hello())
    const proof = dialer.challenge(replyOf(challenge))
    const ready = listener.proof(replyOf(proof))
    expect(ready).toMatchObject({ identity: one, version: 1 })
    expect(proof).toMatchObject({ identity: two, version: 1 })
    expect(dialer.ready(replyOf(ready))).toBe(true)
  })

  test('shows a wrong secret to both sides', () => {
    const { dialer, listener } = pair(['s', 't'])
    expect(dialer.challenge(replyOf(listener.hello(dialer.hello())))).toEqual({ refused: 'SECRET_MISMATCH' })
    const stranger = new DialerHandshake(one, 2, 't', randomBytes(32))
    expect(listener.proof(replyOf(stranger.challenge(replyOf(listener.hello(stranger.hello())))))).toHaveProperty(
      'reply',
    )
    const again = pair()
    const forged = replyOf(again.dialer.challenge(replyOf(again.listener.hello(again.dialer.hello()))))
    forged[6]! ^= 1
    expect(again.listener.proof(forged)).toEqual({ refused: 'SECRET_MISMATCH' })
  })

  test('notices any changed bit of HELLO and CHALLENGE', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.nat(500), fc.nat(7), (inHello, at, bit) => {
        const { dialer, listener } = pair()
        const flip = (bytes: Uint8Array) => {
          const changed = Uint8Array.from(bytes)
          changed[at % changed.length]! ^= 1 << bit
          return changed
        }
        const challenge = listener.hello(inHello ? flip(dialer.hello()) : dialer.hello())
        if ('refused' in challenge) return
        expect(dialer.challenge(inHello ? challenge.reply : flip(challenge.reply))).toHaveProperty('refused')
      }),
      { numRuns: 2_000 },
    )
  })

  test('takes no proof of another handshake, and no reflected one', () => {
    const { dialer, listener } = pair()
    const proof = replyOf(dialer.challenge(replyOf(listener.hello(dialer.hello()))))
    const fresh = new ListenerHandshake(two, 's', randomBytes(32), () => true)
    const challenge = replyOf(fresh.hello(dialer.hello()))
    expect(fresh.proof(proof)).toEqual({ refused: 'SECRET_MISMATCH' })
    const reflected = Buffer.concat([proof.subarray(0, 5), challenge.subarray(-32)])
    expect(fresh.proof(reflected)).toEqual({ refused: 'SECRET_MISMATCH' })
  })

  test('takes no PROOF before HELLO, and no READY before CHALLENGE', () => {
    const { dialer, listener } = pair()
    expect(listener.proof(Buffer.concat([Buffer.from('5350584c03', 'hex'), randomBytes(32)]))).toEqual({
      refused: 'BAD_FRAME',
    })
    expect(dialer.ready(Buffer.from('5350584c040001', 'hex'))).toBe(false)
  })

  test('comes to the same judgement on both sides', () => {
    fc.assert(fc.property(identities, identities, (a, b) => expect(judgeIdentity(a, b)).toBe(judgeIdentity(b, a))))
    expect(judgeIdentity(one, { ...two, clusterId: '' })).toBeUndefined()
    expect(judgeIdentity(one, { ...two, clusterId: 'other' })).toBe('CLUSTER_MISMATCH')
  })
})
