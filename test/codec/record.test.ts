import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decodeHead, encodeHead, HEAD_BYTES, type StoredHead } from '../../src/codec/head.js'
import { decodeRecord, encodeRecord, RECORD_HEADER_BYTES, recordBytes, recordCrc } from '../../src/codec/record.js'
import type { LogRecord } from '../../src/core/durable.js'

const safe = fc.maxSafeNat()
const group = fc.nat(65533)
const record = fc.record<LogRecord>({
  instance: safe,
  ballot: fc.oneof(fc.constant(0), safe),
  recoveredTo: safe,
  version: safe,
  value: fc.uint8Array({ maxLength: 300 }),
})
const stored = fc
  .record({
    voterId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((id) => id.toString(16).padStart(16, '0')),
    digest: fc.nat(0xffffffff),
    promised: safe,
    chosenUpTo: fc.nat(2 ** 31),
    chain: fc.nat(0xffffffff),
    ahead: fc.nat(2 ** 31),
    firstKept: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  })
  .map<StoredHead>(({ voterId, digest, promised, chosenUpTo, chain, ahead, firstKept }) => {
    return { voterId, digest, head: { promised, chosenUpTo, chain, lastAccepted: chosenUpTo + ahead, firstKept } }
  })

function encoded(record: LogRecord, group: number): Uint8Array {
  const bytes = new Uint8Array(recordBytes(record))
  expect(encodeRecord(bytes, group, record)).toBe(recordCrc(bytes))
  return bytes
}

test('a record comes back as it was, also out of a longer buffer', () => {
  fc.assert(
    fc.property(record, group, fc.nat(20), (record, group, spare) => {
      const bytes = encoded(record, group)
      expect(decodeRecord(bytes, group, record.instance)).toEqual(record)
      const longer = Buffer.concat([bytes, Buffer.alloc(spare, 1)])
      expect(decodeRecord(longer, group, record.instance, bytes.length)).toEqual(record)
    }),
  )
})

test('every flipped bit of a record is noticed', () => {
  const record = { instance: 77, ballot: 65537, recoveredTo: 3, version: 1, value: Buffer.from('value') }
  const bytes = encoded(record, 4)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Uint8Array.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(typeof decodeRecord(flipped, 4, 77)).toBe('string')
  }
})

test('a record cut short, or with something behind it, or at another place is not a record', () => {
  fc.assert(
    fc.property(record, group, fc.nat(), (record, group, cut) => {
      const bytes = encoded(record, group)
      const { instance } = record
      expect(decodeRecord(bytes.subarray(0, cut % bytes.length), group, instance)).toBe('truncated')
      expect(decodeRecord(Buffer.concat([bytes, Buffer.of(0)]), group, instance)).toBe('oversized')
      expect(decodeRecord(bytes, group + 1, instance)).toBe('misplaced')
      expect(decodeRecord(bytes, group, instance === 0 ? 1 : instance - 1)).toBe('misplaced')
    }),
  )
})

test('a length field cannot ask for memory', () => {
  const bytes = encoded({ instance: 1, ballot: 1, recoveredTo: 0, version: 0, value: Buffer.alloc(9) }, 0)
  bytes.fill(0xff, 40, 44)
  expect(decodeRecord(bytes, 0, 1)).toBe('oversized')
})

test('decoding any bytes never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(200), (bytes, length) => {
      expect(typeof decodeRecord(bytes, 0, 1, length)).toBe('string')
      expect(typeof decodeHead(bytes, 0, length)).toBe('string')
    }),
  )
})

test('an encoder that is given too small a buffer refuses', () => {
  const record = { instance: 1, ballot: 1, recoveredTo: 0, version: 0, value: Buffer.alloc(9) }
  expect(() => encodeRecord(new Uint8Array(RECORD_HEADER_BYTES + 8), 0, record)).toThrow(/does not fit/)
})

test('a head comes back as it was, and every flipped bit of it is noticed', () => {
  fc.assert(
    fc.property(stored, group, fc.nat(HEAD_BYTES * 8 - 1), (head, group, bit) => {
      const bytes = new Uint8Array(HEAD_BYTES)
      encodeHead(bytes, group, head)
      expect(decodeHead(bytes, group)).toEqual(head)
      expect(decodeHead(bytes, group + 1)).toBe('misplaced')
      expect(decodeHead(bytes, group, HEAD_BYTES - 1)).toBe('size')
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(typeof decodeHead(bytes, group)).toBe('string')
    }),
  )
})
