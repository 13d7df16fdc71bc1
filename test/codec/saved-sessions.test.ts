import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decodeSessions, encodeSessions } from '../../src/codec/saved-sessions.js'
import type { SavedSession } from '../../src/core/sessions.js'

const whole = fc.maxSafeNat()
const session: fc.Arbitrary<SavedSession> = fc.record({
  origin: fc.nat(65_535),
  incarnation: fc.stringMatching(/^[0-9a-f]{16}$/),
  opened: whole,
  last: whole,
  floor: whole,
  done: fc.uniqueArray(whole, { maxLength: 5 }).map((list) => list.sort((a, b) => a - b)),
})
const sessions = fc.array(session, { maxLength: 4 })

test('sessions come back as they were, and the same sessions are the same bytes', () => {
  fc.assert(
    fc.property(sessions, (saved) => {
      const bytes = encodeSessions(saved)
      expect(decodeSessions(bytes)).toEqual(saved)
      expect(encodeSessions(decodeSessions(bytes))).toEqual(bytes)
    }),
  )
})

test('bytes that are cut, longer, or of another format are refused', () => {
  fc.assert(
    fc.property(sessions, fc.nat(), (saved, seed) => {
      const bytes = encodeSessions(saved)
      expect(() => decodeSessions(bytes.subarray(0, seed % bytes.length))).toThrow()
      expect(() => decodeSessions(new Uint8Array([...bytes, 0]))).toThrow(/behind/)
      expect(() => decodeSessions(bytes.map((byte, at) => (at === 0 ? byte + 1 : byte)))).toThrow(/format/)
    }),
  )
})

test('a count that the bytes do not hold is refused without being believed', () => {
  const bytes = encodeSessions([])
  bytes.fill(255, 4, 8)
  expect(() => decodeSessions(bytes)).toThrow(/cut/)
})

test('sequences out of order are refused', () => {
  const saved = { origin: 1, incarnation: '0123456789abcdef', opened: 1, last: 2, floor: 3, done: [4, 5] }
  const bytes = encodeSessions([saved])
  bytes[bytes.length - 8] = 4
  expect(() => decodeSessions(bytes)).toThrow(/order/)
})
