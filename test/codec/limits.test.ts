import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { valueCodec } from '../../src/codec/commands.js'
import { FrameBuilder, readFrame } from '../../src/codec/frame.js'
import { checkLimits, DEFAULT_COMMAND_BYTES, limitsFor, MAX_COMMAND_BYTES } from '../../src/codec/limits.js'
import { decodeMessage, encodedSize, encodeMessage } from '../../src/codec/messages.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import { bodyOf } from './arbitraries.js'

describe('limits', () => {
  test('those derived from any settings keep every relation', () => {
    const bounds = fc.record({
      batchBytes: fc.integer({ min: 1, max: 1 << 26 }),
      windowBytes: fc.integer({ min: 1, max: 1 << 28 }),
      window: fc.integer({ min: 1, max: 1000 }),
      learnChunkBytes: fc.integer({ min: 1, max: 1 << 26 }),
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_COMMAND_BYTES }), bounds, (maxCommandBytes, one) => {
        expect(checkLimits(limitsFor(maxCommandBytes, one), one)).toEqual([])
      }),
    )
    expect(checkLimits(limitsFor(DEFAULT_COMMAND_BYTES, DEFAULT_TUNING), DEFAULT_TUNING)).toEqual([])
    expect(checkLimits(limitsFor(MAX_COMMAND_BYTES, DEFAULT_TUNING), DEFAULT_TUNING)).toEqual([])
  })

  test('each limit made smaller breaks a relation, which is named with its reason', () => {
    const good = limitsFor(DEFAULT_COMMAND_BYTES, DEFAULT_TUNING)
    for (const name of ['maxValueBytes', 'maxMessageBytes'] as const) {
      expect(checkLimits({ ...good, [name]: good[name] - 1 }, DEFAULT_TUNING)[0]).toMatch(new RegExp(`${name} >= .*: `))
    }
    expect(checkLimits({ ...good, maxFrameBytes: good.maxMessageBytes }, DEFAULT_TUNING)[0]).toMatch(
      /maxFrameBytes >= /,
    )
    expect(checkLimits({ ...good, maxControlBytes: good.maxFrameBytes }, DEFAULT_TUNING)[0]).toMatch(/maxControlBytes/)
    expect(checkLimits(limitsFor(MAX_COMMAND_BYTES + 1, DEFAULT_TUNING), DEFAULT_TUNING)[0]).toMatch(/maxCommandBytes/)
    expect(checkLimits({ ...good, maxCommandBytes: Number.NaN }, DEFAULT_TUNING)[0]).toMatch(/whole numbers/)
  })

  test('a command of the largest size passes through value, message and frame', () => {
    const bounds = { batchBytes: 1000, windowBytes: 1000, window: 1, learnChunkBytes: 1000 }
    const limits = limitsFor(10_000, bounds)
    const body = bodyOf([{ machineId: 1, flags: 0, payload: new Uint8Array(limits.maxCommandBytes) }])
    const run = { origin: 1, incarnation: '0'.repeat(16), session: 1, sequence: 1, count: 1, floor: 0, body }
    const value = valueCodec.encode([run])
    expect(value.length).toBe(limits.maxValueBytes)
    const accept = { kind: 'accept' as const, version: 0, ballot: 1, instance: 1, recoveredTo: 0, chosenUpTo: 0, value }
    const bytes = new Uint8Array(encodedSize(accept))
    encodeMessage(accept, bytes, 0)
    const builder = new FrameBuilder(limits)
    expect(builder.append(1, bytes, 0, bytes.length)).toBe(true)
    const frame = builder.take()
    let seen: unknown
    readFrame(frame, (_, offset, length) => (seen = decodeMessage(frame, offset, length, limits)), limits)
    expect(seen).toEqual(accept)
  })
})
