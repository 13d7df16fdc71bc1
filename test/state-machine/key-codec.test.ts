import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { MAX_KEY_BYTES } from '../../src/state-machine/binary-key.js'
import { keyCodec } from '../../src/state-machine/key-codec.js'
import type { KeyKind, OrderedKey } from '../../src/state-machine/stored.js'

/** Their place in the order of types. */
function rank(key: OrderedKey): number {
  if (typeof key === 'boolean') return 0
  if (typeof key === 'number') return 1
  if (typeof key === 'string') return 2
  return key instanceof Uint8Array ? 3 : 4
}

/** The documented order, in the plainest words. */
function compare(a: OrderedKey, b: OrderedKey): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
  if (a instanceof Uint8Array) return Buffer.compare(a, b as Uint8Array)
  if (typeof a !== 'object') return Number(a) < Number(b) ? -1 : Number(a) > Number(b) ? 1 : 0
  const other = b as readonly OrderedKey[]
  for (let i = 0; i < Math.min(a.length, other.length); i++) {
    const order = compare(a[i]!, other[i]!)
    if (order !== 0) return order
  }
  return a.length - other.length
}

const special = fc.constantFrom<OrderedKey[]>(
  0,
  -0,
  -1,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 53,
  '',
  '\0',
  'a',
  'a\0',
  'a\0b',
  'a\x01',
  'a\xff',
  '\u{10ffff}',
  '\uffff',
  new Uint8Array(0),
  Uint8Array.of(0),
  Uint8Array.of(0, 0xff),
  Uint8Array.of(0xff),
  [],
  [[]],
  [''],
  ['', ''],
)
const { item } = fc.letrec<{ item: OrderedKey }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    special,
    fc.boolean(),
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.uint8Array({ maxLength: 4 }),
    fc.array(tie('item'), { maxLength: 3 }),
  ),
}))

describe('ordered keys', () => {
  const ordered = keyCodec('ordered')

  test('bytes are in the order of the keys, and equal for equal keys only', () => {
    fc.assert(
      fc.property(item, item, (a, b) => {
        const [left, right] = [ordered.encode(a), ordered.encode(b)]
        const order = left < right ? -1 : left > right ? 1 : 0
        expect(order).toBe(Math.sign(compare(a, b)))
      }),
      { numRuns: 5000 },
    )
  })

  test('a key comes back as it was, but for -0', () => {
    const positive = (key: OrderedKey): OrderedKey =>
      Array.isArray(key) ? key.map(positive) : typeof key === 'number' ? key + 0 : (key as OrderedKey)
    fc.assert(
      fc.property(item, (key) => {
        expect(ordered.decode(ordered.encode(key))).toEqual(positive(key))
      }),
      { numRuns: 2000 },
    )
  })

  test('everything that begins with the same items is one range', () => {
    const between = (key: OrderedKey, from: OrderedKey, end: OrderedKey) =>
      ordered.encode(from) <= ordered.encode(key) && ordered.encode(key) < ordered.encode(end)
    for (const key of [['user'], ['user', 1], ['user', ['x']], ['user', new Uint8Array(3), '']] as OrderedKey[])
      expect(between(key, ['user'], ['user\0'])).toBe(true)
    for (const key of ['user', ['usea'], ['users'], ['user\0', 1], [['user']]] as OrderedKey[])
      expect(between(key, ['user'], ['user\0'])).toBe(false)
  })

  test.each([
    ['NaN', Number.NaN, 'must not be NaN'],
    ['NaN in an array', ['a', [Number.NaN]], 'must not be NaN'],
    ['half a surrogate pair', ['\ud800'], 'half a surrogate pair'],
    ['null', null, 'got null'],
    ['an object', { a: 1 }, 'got object'],
    ['a bigint', 1n, 'got bigint'],
    ['undefined in an array', ['a', undefined], 'got undefined'],
    ['other typed arrays', new Uint16Array(1), 'got object'],
    ['too long a string', 'x'.repeat(MAX_KEY_BYTES - 1), 'more than 1024 bytes'],
    ['too many numbers', Array(114).fill(1), 'more than 1024 bytes'],
    ['an array within itself', circular(), 'more than 1024 bytes'],
  ])('%s is refused', (_, key, why) => {
    expect(() => ordered.encode(key)).toThrow(
      expect.objectContaining({ name: 'TypeError', message: expect.stringContaining(why) }),
    )
  })

  test('the longest key has 1024 bytes, and the one after a refused key is as good as any', () => {
    const longest = 'x'.repeat(MAX_KEY_BYTES - 2)
    expect(ordered.encode(longest)).toHaveLength(MAX_KEY_BYTES)
    expect(() => ordered.encode(`${longest}x`)).toThrow(TypeError)
    expect(ordered.decode(ordered.encode(['a', 1]))).toEqual(['a', 1])
  })

  test('bytes that are no ordered key are an error and not a wrong key', () => {
    for (const bytes of ['', '\x01', '\x05abc', '\x07\x03', '\x09', '\x04\x80', '\x02\x02'])
      expect(() => ordered.decode(bytes)).toThrow('were the keys of this machine changed?')
  })
})

describe.each<[KeyKind, fc.Arbitrary<unknown>, (key: unknown) => Uint8Array]>([
  ['text', fc.string({ unit: 'binary' }), (key) => Buffer.from(key as string)],
  ['bytes', fc.uint8Array(), (key) => key as Uint8Array],
])('%s keys', (kind, keys, bytesOfKey) => {
  const codec = keyCodec(kind)

  test('are their bytes, one character each, and come back as they were', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const binary = codec.encode(key)
        expect(Buffer.from(binary, 'latin1')).toEqual(Buffer.from(bytesOfKey(key)))
        expect(codec.decode(binary)).toEqual(key)
      }),
      { numRuns: 1000 },
    )
  })
})

test.each<[KeyKind, string, unknown, string]>([
  ['text', 'a number', 7, 'a text key is a string, got number'],
  ['text', 'half a surrogate pair', 'x\udc00', 'half a surrogate pair'],
  ['text', 'too many characters', 'x'.repeat(1025), 'a key of 1025 bytes'],
  ['text', 'too many bytes', 'ü'.repeat(513), 'a key of 1026 bytes'],
  ['bytes', 'a string', 'key', 'a key of bytes is a Uint8Array, got string'],
  ['bytes', 'too many bytes', new Uint8Array(1025), 'a key of 1025 bytes'],
])('as a %s key %s is refused', (kind, _, key, why) => {
  expect(() => keyCodec(kind).encode(key)).toThrow(
    expect.objectContaining({ name: 'TypeError', message: expect.stringContaining(why) }),
  )
})

test('a key of bytes is copied from memory that threads share, and given out as the caller’s own', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(7)
  const binary = keyCodec('bytes').encode(shared)
  const key = keyCodec('bytes').decode(binary) as Uint8Array
  shared.fill(0)
  expect(key).toEqual(Uint8Array.of(7, 7, 7, 7))
  expect(key.buffer.byteLength).toBe(4)
})

function circular(): unknown[] {
  const list: unknown[] = []
  list.push(list)
  return list
}
