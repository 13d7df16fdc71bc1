import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decodeMessage, encodedSize, encodeMessage } from '../../src/codec/messages.js'
import type { Accept, Message } from '../../src/core/messages.js'
import { message, messages, value } from './arbitraries.js'
import { buffersAllocated, changed, changes, outcomeOf } from './hostile.js'

const limits = { maxMessageBytes: 1 << 20, maxValueBytes: 1 << 20 }

function encode(one: Message): Uint8Array {
  const bytes = new Uint8Array(encodedSize(one))
  expect(encodeMessage(one, bytes, 0)).toBe(bytes.length)
  return bytes
}

const decode = (bytes: Uint8Array) => decodeMessage(bytes, 0, bytes.length, limits)

describe('every kind', () => {
  for (const [kind, arbitrary] of Object.entries(messages) as [string, fc.Arbitrary<Message>][]) {
    test(`${kind} comes back as it was, from any offset of shared memory`, () => {
      fc.assert(
        fc.property(arbitrary, fc.nat(20), (one, lead) => {
          const size = encodedSize(one)
          const shared = new Uint8Array(new SharedArrayBuffer(lead + size + 5)).fill(0xee)
          expect(encodeMessage(one, shared, lead)).toBe(lead + size)
          expect([...shared.subarray(0, lead), ...shared.subarray(lead + size)].every((byte) => byte === 0xee)).toBe(
            true,
          )
          const decoded = decodeMessage(shared, lead, size, limits)
          expect(decoded).toEqual(one)
          // It owns its bytes: what is written into the slot later does not show.
          shared.fill(0xff)
          expect(decoded).toEqual(one)
          expect(encode(decoded)).toEqual(encode(one))
        }),
        { numRuns: 60 },
      )
    })
  }
})

describe('hostile bytes', () => {
  test('every truncation of every kind is refused', () => {
    fc.assert(
      fc.property(message, (one) => {
        const bytes = encode(one)
        for (let length = 0; length < bytes.length; length++) {
          expect(outcomeOf(() => decode(bytes.subarray(0, length)))).not.toBe('ok')
        }
      }),
      { numRuns: 100 },
    )
  })

  test('random bytes, with and without a known kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(25), (noise, kind) => {
        outcomeOf(() => decode(noise))
        if (noise.length > 0) noise[0] = kind
        outcomeOf(() => decode(noise))
      }),
      { numRuns: 5000 },
    )
  })

  test('a damaged encoding is refused, or is a message that encodes to the same bytes', () => {
    let refused = 0
    fc.assert(
      fc.property(message, changes, (one, list) => {
        const bytes = changed(encode(one), list)
        let decoded: Message | undefined
        const outcome = outcomeOf(() => {
          decoded = decode(bytes)
        })
        if (outcome !== 'ok') refused++
        else expect(encode(decoded as Message)).toEqual(bytes)
      }),
      { numRuns: 5000 },
    )
    expect(refused).toBeGreaterThan(1000)
  })

  test('lengths and counts of gigabytes allocate nothing', () => {
    const accept = fc.sample(messages.accept, 1)[0]!
    const promise = { ...fc.sample(messages.promise, 1)[0]!, records: [] }
    const huge = [
      encode(accept),
      encode(promise),
      encode({ ...fc.sample(messages.learned, 1)[0]!, values: [accept.value] }),
    ]
    huge[0]!.set([0xff, 0xff, 0xff, 0x7f], 48)
    huge[1]!.set([0xff, 0xff, 0xff, 0x7f], 4)
    huge[2]!.set([0, 0, 0, 0x80], 32)
    const allocated = buffersAllocated(() => {
      for (const bytes of huge) expect(outcomeOf(() => decode(bytes))).not.toBe('ok')
    })
    expect(allocated).toBeLessThan(1 << 20)
  })

  test('each refusal has its code', () => {
    const plain = encode({ kind: 'probe', probe: 7 })
    const damage = (at: number, byte: number) => {
      const bytes = plain.slice()
      bytes[at] = byte
      return outcomeOf(() => decode(bytes))
    }
    expect(outcomeOf(() => decodeMessage(plain, 0, plain.length + 1, limits))).toBe('TRUNCATED')
    expect(outcomeOf(() => decodeMessage(plain, -1, 4, limits))).toBe('TRUNCATED')
    expect(outcomeOf(() => decodeMessage(plain, Number.NaN, 4, limits))).toBe('TRUNCATED')
    expect(outcomeOf(() => decode(new Uint8Array([...plain, 0])))).toBe('MALFORMED')
    expect(damage(0, 0)).toBe('UNKNOWN_KIND')
    expect(damage(0, 23)).toBe('UNKNOWN_KIND')
    expect(damage(1, 1)).toBe('MALFORMED')
    expect(damage(5, 1)).toBe('MALFORMED')
    expect(damage(15, 0x20)).toBe('MALFORMED')
    expect(outcomeOf(() => decodeMessage(plain, 0, plain.length, { ...limits, maxMessageBytes: 15 }))).toBe('TOO_LARGE')
    const accept = encode({ ...fc.sample(messages.accept, 1)[0]! })
    expect(outcomeOf(() => decodeMessage(accept, 0, accept.length, { ...limits, maxValueBytes: 40 }))).toBe('TOO_LARGE')
  })

  test('a ballot of the upper half is refused, in every field that holds one', () => {
    const fields = ['ballot', 'promised', 'leader']
    let found = 0
    for (const arbitrary of Object.values(messages) as fc.Arbitrary<Message>[]) {
      const one = fc.sample(arbitrary, { seed: 1, numRuns: 1 })[0] as Message
      for (const name of Object.keys(one).filter((key) => fields.includes(key))) {
        found++
        expect(outcomeOf(() => decode(encode({ ...one, [name]: 2 ** 52 - 1 } as Message)))).toBe('ok')
        expect(outcomeOf(() => decode(encode({ ...one, [name]: 2 ** 52 } as Message)))).toBe('MALFORMED')
      }
    }
    expect(found).toBe(13)
  })

  test('numbers without a place in the layout are not written', () => {
    for (const probe of [Number.NaN, -1, 0.5, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(outcomeOf(() => encode({ kind: 'probe', probe }))).toBe('NOT_ENCODABLE')
    }
    expect(outcomeOf(() => encode({ kind: 'chosen', ballot: 1, upTo: 1, chain: 2 ** 32 }))).toBe('NOT_ENCODABLE')
    expect(outcomeOf(() => encode({ kind: 'forward', hops: 256, runs: [] }))).toBe('NOT_ENCODABLE')
  })
})

test('a value that a checker would refuse does not come through any message that carries one', () => {
  fc.assert(
    fc.property(messages.accept, value, (accept: Accept, good) => {
      const bad = good.slice()
      bad[8] = 0
      bad[9] = 0
      const { version, ballot, chosenUpTo, instance } = accept
      const records = [{ instance, ballot, recoveredTo: 0, version, value: bad }]
      expect(outcomeOf(() => decode(encode({ ...accept, value: bad })))).toBe('MALFORMED')
      expect(outcomeOf(() => decode(encode({ kind: 'promise', version, ballot, from: 1, chosenUpTo, records })))).toBe(
        'MALFORMED',
      )
      const learned = { kind: 'learned' as const, session: 1, from: 1, values: [bad], chosenUpTo, done: true }
      expect(outcomeOf(() => decode(encode(learned)))).toBe('MALFORMED')
    }),
    { numRuns: 50 },
  )
})
