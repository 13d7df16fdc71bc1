import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decodePayload, encodePayload, PAYLOAD_CBOR, PAYLOAD_RAW } from '../../src/codec/payload.js'
import { changed, changes, outcomeOf } from './hostile.js'

function roundTrip(value: unknown): unknown {
  const { flags, bytes } = encodePayload(value)
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 8))
  shared.set(bytes, 3)
  const decoded = decodePayload(flags, shared, 3, bytes.length)
  shared.fill(0xff)
  return decoded
}

const text = fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__')
const leaf = fc.oneof(
  fc.constantFrom(undefined, null, true, false, 0, -1, 2 ** 53 - 1, Number.NaN, Number.POSITIVE_INFINITY),
  fc.integer(),
  // The sign of zero is not kept.
  fc.double().map((number) => number + 0),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 500n }),
  fc.bigInt({ min: -(2n ** 500n), max: -(2n ** 53n) }),
  text,
  fc.string({ minLength: 60, maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }),
  fc.float32Array({ maxLength: 10 }),
  fc.float64Array({ maxLength: 10 }),
  fc.int16Array({ maxLength: 10 }),
  fc.date({ noInvalidDate: true, min: new Date('-009999-01-01'), max: new Date('9999-12-31') }),
)
const { value: plain } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(text, tie('value'), { maxKeys: 5, noNullPrototype: true }),
    fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
    fc.array(fc.integer(), { maxLength: 4 }).map((items) => new Set(items)),
  ),
}))

describe('plain data', () => {
  test('comes back from shared memory as it was, and keeps nothing of it', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(roundTrip(value)).toEqual(value)
      }),
      { numRuns: 1000 },
    )
  })

  test('bytes pass as they are, without a copy on the way in and with one on the way out', () => {
    const raw = new Uint8Array([1, 2, 3])
    const { flags, bytes } = encodePayload(raw)
    expect(flags).toBe(PAYLOAD_RAW)
    expect(bytes).toBe(raw)
    expect(roundTrip(raw)).toEqual(raw)
    expect(roundTrip(Buffer.from([4, 5]))).toEqual(new Uint8Array([4, 5]))
  })

  test('what was encoded first is not overwritten by what is encoded next', () => {
    const first = encodePayload({ text: 'first' })
    const kept = first.bytes.slice()
    for (let i = 0; i < 1000; i++) encodePayload({ text: `another ${i}` })
    expect(outcomeOf(() => encodePayload({ broken: () => 1 }))).toBe('NOT_ENCODABLE')
    encodePayload({ text: 'x'.repeat(300_000) })
    encodePayload({ text: 'later' })
    expect([...first.bytes]).toEqual([...kept])
  })

  test('objects of more than 65,535 fields, long strings and large bytes', () => {
    const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`key${i}`, i]))
    expect(roundTrip(wide)).toEqual(wide)
    expect(roundTrip('ü'.repeat(100_000))).toBe('ü'.repeat(100_000))
    expect(roundTrip({ blob: new Uint8Array(100_000).fill(3) })).toEqual({ blob: new Uint8Array(100_000).fill(3) })
  })

  test('a field named __proto__ does not reach a prototype', () => {
    const { bytes } = encodePayload(JSON.parse('{"__proto__":{"polluted":1}}'))
    const decoded = decodePayload(PAYLOAD_CBOR, bytes, 0, bytes.length) as { polluted?: number }
    expect(decoded.polluted).toBeUndefined()
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })
})

describe('what is not plain data', () => {
  const circle: { self?: unknown } = {}
  circle.self = circle
  const cases: [string, unknown][] = [
    ['a function', () => 1],
    ['a function inside', { a: [() => 1] }],
    ['a symbol', Symbol('s')],
    ['a cycle', circle],
    ['a generator', (function* () {})()],
    ['an error', { cause: new Error('x') }],
    ['a pattern', /x/],
    [
      'a getter that throws',
      Object.defineProperty({}, 'x', {
        enumerable: true,
        get: () => {
          throw 1
        },
      }),
    ],
  ]
  for (const [what, value] of cases) {
    test(`${what} is refused, and the encoder goes on`, () => {
      expect(outcomeOf(() => encodePayload(value))).toBe('NOT_ENCODABLE')
      expect(roundTrip({ fine: true })).toEqual({ fine: true })
    })
  }

  test('bounds: bytes and depth', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) })
    expect(roundTrip(nested(64))).toEqual(nested(64))
    expect(outcomeOf(() => encodePayload(nested(65)))).toBe('TOO_LARGE')
    expect(outcomeOf(() => encodePayload(new Uint8Array(11), 10))).toBe('TOO_LARGE')
    expect(outcomeOf(() => encodePayload('x'.repeat(10), 10))).toBe('TOO_LARGE')
  })
})

describe('hostile bytes', () => {
  test('damaged and random cbor gives a value or a CodecError, and the decoder goes on', () => {
    fc.assert(
      fc.property(plain, changes, fc.uint8Array({ maxLength: 200 }), (value, list, noise) => {
        const { bytes } = encodePayload([value])
        for (const bad of [changed(bytes, list), noise]) {
          outcomeOf(() => decodePayload(PAYLOAD_CBOR, bad, 0, bad.length))
        }
        expect(roundTrip(['fine', 1])).toEqual(['fine', 1])
      }),
      { numRuns: 5000 },
    )
  })

  test('every truncation is refused', () => {
    const { bytes } = encodePayload({
      a: [1, 2.5, 'text', new Uint8Array(5), new Date(0)],
      b: new Map([[1, 2n ** 70n]]),
    })
    for (let length = 0; length < bytes.length; length++) {
      expect(outcomeOf(() => decodePayload(PAYLOAD_CBOR, bytes, 0, length))).toBe('TRUNCATED')
    }
  })

  test('tags that compile, refer or build more than data are refused', () => {
    const tagged = (tag: number, ...rest: number[]) => new Uint8Array([0xd9, tag >> 8, tag & 255, ...rest])
    const cases = [6, 14, 25, 27, 28, 29, 51, 105, 225, 0xdff9, 0xdffe, 0xdfff, 0xe000]
    for (const tag of cases) {
      const bytes = tagged(tag, 0x82, 0x61, 0x61, 0x01)
      expect(outcomeOf(() => decodePayload(PAYLOAD_CBOR, bytes, 0, bytes.length))).toBe('MALFORMED')
    }
    const indefinite = new Uint8Array([0x9f, 1, 0xff])
    expect(outcomeOf(() => decodePayload(PAYLOAD_CBOR, indefinite, 0, 3))).toBe('MALFORMED')
  })

  test('a typed array with a part of an element is refused wherever it lies', () => {
    for (let lead = 0; lead < 8; lead++) {
      const bytes = new Uint8Array([
        ...new Array<number>(lead).fill(0),
        0xd8,
        86,
        0x49,
        ...new Array<number>(9).fill(1),
      ])
      expect(outcomeOf(() => decodePayload(PAYLOAD_CBOR, bytes, lead, 12))).toBe('MALFORMED')
    }
  })

  test('unknown encodings and places beyond the end', () => {
    expect(outcomeOf(() => decodePayload(2, new Uint8Array(4), 0, 4))).toBe('UNKNOWN_KIND')
    expect(outcomeOf(() => decodePayload(0, new Uint8Array(4), 2, 3))).toBe('TRUNCATED')
    expect(outcomeOf(() => decodePayload(1, new Uint8Array(4), -1, 3))).toBe('TRUNCATED')
  })
})
