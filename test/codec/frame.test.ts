import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decodeControl, encodeControl } from '../../src/codec/control.js'
import { checkFrame, FrameBuilder, frameType, PROTOCOL_VERSIONS, readFrame, sealFrame } from '../../src/codec/frame.js'
import { bytes, u16 } from './arbitraries.js'
import { buffersAllocated, changed, changes, outcomeOf } from './hostile.js'

const limits = { maxFrameBytes: 1 << 20, maxMessageBytes: 1 << 16, maxControlBytes: 1 << 16 }
const entries = fc.array(fc.record({ group: u16, message: bytes }), { maxLength: 20 })

function build(
  list: readonly { group: number; message: Uint8Array }[],
  builder = new FrameBuilder(limits),
): FrameBuilder {
  for (const { group, message } of list) expect(builder.append(group, message, 0, message.length)).toBe(true)
  return builder
}

function read(frame: Uint8Array): { group: number; message: Uint8Array }[] {
  const list: { group: number; message: Uint8Array }[] = []
  readFrame(
    frame,
    (group, offset, length) => list.push({ group, message: frame.slice(offset, offset + length) }),
    limits,
  )
  return list
}

describe('protocol frames', () => {
  test('messages come back in order with their groups, from a builder used again and again', () => {
    const builder = new FrameBuilder(limits)
    fc.assert(
      fc.property(entries, (list) => {
        build(list, builder)
        const frame = builder.finish()
        expect(frame.length).toBe(builder.byteLength)
        expect(builder.isEmpty).toBe(list.length === 0)
        expect(read(frame)).toEqual(list)
        builder.reset()
        expect(builder.isEmpty).toBe(true)
      }),
    )
  })

  test('messages are copied out of shared memory', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(200)).fill(5)
    const builder = new FrameBuilder(limits)
    builder.append(3, shared, 20, 150)
    const frame = builder.take()
    shared.fill(0)
    expect(read(frame)).toEqual([{ group: 3, message: new Uint8Array(150).fill(5) }])
  })

  test('a frame that was taken stays as it was', () => {
    const builder = build([{ group: 1, message: new Uint8Array(100).fill(1) }])
    const taken = builder.take()
    build([{ group: 2, message: new Uint8Array(200).fill(2) }], builder).finish()
    expect(read(taken)).toEqual([{ group: 1, message: new Uint8Array(100).fill(1) }])
  })

  test('takes messages up to the limit of a frame and no further', () => {
    const builder = new FrameBuilder({ maxFrameBytes: 100 })
    expect(builder.append(0, new Uint8Array(90), 0, 85)).toBe(false)
    expect(builder.append(0, new Uint8Array(90), 0, 84)).toBe(true)
    expect(builder.append(0, new Uint8Array(90), 0, 0)).toBe(false)
    expect(builder.finish().length).toBe(100)
  })

  test('damage shows nothing of the frame; every flipped bit is noticed', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (list, at) => {
        const frame = build(list).finish()
        frame[at % frame.length]! ^= 1 << (at & 7)
        let shown = 0
        expect(outcomeOf(() => readFrame(frame, () => shown++, limits))).not.toBe('ok')
        expect(shown).toBe(0)
      }),
      { numRuns: 2000 },
    )
  })

  test('cut, random and damaged frames, also with a good checksum', () => {
    fc.assert(
      fc.property(entries, changes, fc.uint8Array({ maxLength: 100 }), (list, damage, noise) => {
        const frame = build(list).finish()
        for (let length = 0; length < Math.min(frame.length, 60); length++) {
          expect(outcomeOf(() => read(frame.subarray(0, length)))).not.toBe('ok')
        }
        for (const bad of [changed(frame, damage), noise]) {
          outcomeOf(() => read(bad))
          if (bad.length < 8) continue
          sealFrame(bad, 1, 1)
          outcomeOf(() => read(bad))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('each refusal has its code', () => {
    const frame = build([{ group: 1, message: new Uint8Array(10) }]).finish()
    const damaged = (at: number, byte: number, seal = false) => {
      const copy = frame.slice()
      copy[at] = byte
      if (seal) sealFrame(copy, 1, 1)
      return outcomeOf(() => read(copy))
    }
    expect(damaged(0, PROTOCOL_VERSIONS.max + 1)).toBe('UNKNOWN_VERSION')
    expect(damaged(0, PROTOCOL_VERSIONS.min - 1)).toBe('UNKNOWN_VERSION')
    expect(damaged(1, 9)).toBe('UNKNOWN_KIND')
    expect(damaged(1, 2)).toBe('BAD_CHECKSUM')
    expect(damaged(2, 1)).toBe('MALFORMED')
    expect(damaged(4, frame[4]! ^ 1)).toBe('BAD_CHECKSUM')
    expect(damaged(20, 1)).toBe('BAD_CHECKSUM')
    expect(damaged(8, 11, true)).toBe('TRUNCATED')
    expect(damaged(11, 0x80, true)).toBe('TOO_LARGE')
    expect(damaged(14, 1, true)).toBe('MALFORMED')
    expect(outcomeOf(() => frameType(frame.subarray(0, 7)))).toBe('TRUNCATED')
    expect(outcomeOf(() => checkFrame(frame, { maxFrameBytes: 20 }))).toBe('TOO_LARGE')
  })
})

describe('control frames', () => {
  const plain = fc.jsonValue({ maxDepth: 4 }).filter((json) => !JSON.stringify(json).includes('__proto__'))

  test('plain data comes back, and is no protocol frame', () => {
    fc.assert(
      fc.property(plain, (content) => {
        const frame = encodeControl(content, limits)
        expect(frameType(frame)).toBe('control')
        expect(decodeControl(frame, limits)).toEqual(JSON.parse(JSON.stringify(content), (_, item) => item))
        expect(outcomeOf(() => read(frame))).toBe('UNKNOWN_KIND')
      }),
    )
  })

  test('bounds hold on both sides', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
    const small = { ...limits, maxControlBytes: 100 }
    expect(outcomeOf(() => decodeControl(encodeControl(nested(16), limits), limits))).toBe('ok')
    expect(outcomeOf(() => encodeControl(nested(17), limits))).toBe('TOO_LARGE')
    expect(outcomeOf(() => encodeControl('x'.repeat(100), small))).toBe('TOO_LARGE')
    expect(outcomeOf(() => decodeControl(encodeControl('x'.repeat(100), limits), small))).toBe('TOO_LARGE')
  })

  test('bombs allocate nothing', () => {
    const frameOf = (...payload: number[]) => {
      const frame = new Uint8Array([...new Array<number>(8).fill(0), ...payload])
      sealFrame(frame, 1, 2)
      return frame
    }
    const bombs = [
      frameOf(...new Array<number>(50_000).fill(0x81), 0),
      frameOf(0x9a, 0x7f, 0xff, 0xff, 0xff),
      frameOf(0xba, 0x7f, 0xff, 0xff, 0xff, 0x00),
      frameOf(0x5a, 0x7f, 0xff, 0xff, 0xff),
      frameOf(0x5b, 0, 0, 0, 1, 0, 0, 0, 0),
      frameOf(0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
      frameOf(0xc2, 0x59, 0x10, 0x00, ...new Array<number>(4096).fill(255)),
    ]
    const allocated = buffersAllocated(() => {
      for (const bomb of bombs) expect(outcomeOf(() => decodeControl(bomb, limits))).not.toBe('ok')
    })
    expect(allocated).toBeLessThan(1 << 20)
    expect(outcomeOf(() => decodeControl(build([]).finish(), limits))).toBe('UNKNOWN_KIND')
  })
})
