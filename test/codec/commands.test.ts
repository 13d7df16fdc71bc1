import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { CommandReader, forEachCommand } from '../../src/codec/command-body.js'
import { checkValue, RUN_HEADER_BYTES, valueCodec } from '../../src/codec/commands.js'
import { crc32 } from '../../src/codec/crc32.js'
import { RunBuilder } from '../../src/codec/run-builder.js'
import { bodyOf, command, run, runs, value } from './arbitraries.js'
import { changed, changes, outcomeOf } from './hostile.js'

describe('values', () => {
  test('runs come back as they were, and their bytes again as the same bytes', () => {
    fc.assert(
      fc.property(runs, (list) => {
        const encoded = valueCodec.encode(list)
        expect(encoded.length).toBe(list.reduce((sum, one) => sum + valueCodec.size(one), 0))
        expect(checkValue(encoded)).toBe(list.reduce((sum, one) => sum + one.count, 0))
        const decoded = valueCodec.decode(encoded)
        expect(decoded).toEqual(list)
        expect(valueCodec.encode(decoded)).toEqual(encoded)
      }),
    )
  })

  test('the checksum continues from its seed', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const both = new Uint8Array([...a, ...b])
        expect(valueCodec.checksum(b, valueCodec.checksum(a, 7))).toBe(crc32(both, 7))
      }),
    )
  })

  test('what a check lets pass can be decoded, walked, and encoded to the same bytes', () => {
    fc.assert(
      fc.property(value, changes, (valid, list) => {
        const bytes = changed(valid, list)
        if (outcomeOf(() => checkValue(bytes)) !== 'ok') return
        const decoded = valueCodec.decode(bytes)
        for (const one of decoded) {
          let count = 0
          forEachCommand(one.body, (_machineId, _flags, offset, length) => {
            expect(offset + length).toBeLessThanOrEqual(one.body.length)
            count++
          })
          expect(count).toBe(one.count)
        }
        expect(valueCodec.encode(decoded)).toEqual(bytes)
      }),
      { numRuns: 2000 },
    )
  })

  test('random and damaged bytes give a CodecError or a value, in the check and in the decoder', () => {
    fc.assert(
      fc.property(value, changes, fc.uint8Array({ maxLength: 300 }), (valid, list, noise) => {
        for (const bytes of [changed(valid, list), noise]) {
          outcomeOf(() => checkValue(bytes))
          outcomeOf(() => valueCodec.decode(bytes))
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('a value cut anywhere is refused', () => {
    fc.assert(
      fc.property(run, (one) => {
        const encoded = valueCodec.encode([one])
        for (let length = 0; length < encoded.length; length++) {
          expect(outcomeOf(() => checkValue(encoded, 0, length))).not.toBe('ok')
        }
      }),
      { numRuns: 50 },
    )
  })

  test('refuses a run without an origin, commands without a session, a wrong count, an unknown flag', () => {
    const one = {
      origin: 1,
      incarnation: '00000000000000ff',
      session: 3,
      sequence: 9,
      count: 1,
      floor: 0,
      body: bodyOf([{ machineId: 1, flags: 1, payload: new Uint8Array(3) }]),
    }
    const check = (changes: object) => outcomeOf(() => checkValue(valueCodec.encode([{ ...one, ...changes }])))
    expect(check({})).toBe('ok')
    expect(check({ origin: 0 })).toBe('MALFORMED')
    expect(check({ session: 0 })).toBe('MALFORMED')
    expect(check({ count: 2 })).toBe('MALFORMED')
    expect(check({ sequence: 2 ** 53 - 1 })).toBe('MALFORMED')
    expect(check({ incarnation: 'xyz' })).toBe('NOT_ENCODABLE')
    expect(check({ floor: -1 })).toBe('NOT_ENCODABLE')
    expect(check({ floor: Number.NaN })).toBe('NOT_ENCODABLE')
    expect(check({ origin: 65536 })).toBe('NOT_ENCODABLE')
    const flagged = valueCodec.encode([one])
    flagged[RUN_HEADER_BYTES + 6] = 2
    expect(outcomeOf(() => checkValue(flagged))).toBe('MALFORMED')
    expect(outcomeOf(() => checkValue(new Uint8Array(0)))).toBe('MALFORMED')
  })
})

describe('bodies', () => {
  test('the first value of a body takes the room in front of it, and is not touched by a later one', () => {
    const builder = new RunBuilder()
    builder.add(1, 0, Uint8Array.of(1, 2, 3), 0, 3)
    const body = builder.take()
    const run = { origin: 1, incarnation: '0000000000000001', sequence: 1, count: 1, floor: 0, body }
    const first = valueCodec.encode([{ ...run, session: 7 }])
    expect(first.buffer).toBe(body.buffer)
    const before = first.slice()
    const second = valueCodec.encode([{ ...run, session: 8 }])
    expect(second.buffer).not.toBe(body.buffer)
    expect(first).toEqual(before)
    expect(valueCodec.decode(first)).toEqual([{ ...run, session: 7 }])
    expect(valueCodec.decode(second)).toEqual([{ ...run, session: 8 }])
    const both = valueCodec.encode([
      { ...run, session: 8 },
      { ...run, session: 9, sequence: 2 },
    ])
    expect(valueCodec.decode(both).map(({ session }) => session)).toEqual([8, 9])
    expect(first).toEqual(before)
  })

  test('the builder takes commands from anywhere in a source, and both walks give them back', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 20 }), fc.nat(9), (commands, lead) => {
        const builder = new RunBuilder()
        for (const { machineId, flags, payload } of commands) {
          const source = new Uint8Array(new SharedArrayBuffer(lead + payload.length + 3))
          source.set(payload, lead)
          builder.add(machineId, flags, source, lead, payload.length)
        }
        expect(builder.count).toBe(commands.length)
        const size = builder.byteLength
        const body = builder.take()
        expect(body.length).toBe(size)
        expect(body.buffer.byteLength).toBe(RUN_HEADER_BYTES + size)
        expect([builder.count, builder.byteLength]).toEqual([0, 0])
        const walked: unknown[] = []
        forEachCommand(body, (machineId, flags, offset, length, index) => {
          walked.push({ machineId, flags, payload: body.slice(offset, offset + length) })
          expect(index).toBe(walked.length - 1)
        })
        expect(walked).toEqual(commands)
        const reader = new CommandReader(body)
        const read: unknown[] = []
        while (reader.next()) {
          const payload = body.slice(reader.offset, reader.offset + reader.length)
          read.push({ machineId: reader.machineId, flags: reader.flags, payload })
          expect(reader.index).toBe(read.length - 1)
        }
        expect(read).toEqual(commands)
      }),
    )
  })

  test('a command that reaches beyond its body is refused by the check and by both walks', () => {
    const body = bodyOf([{ machineId: 1, flags: 0, payload: new Uint8Array(5) }])
    const one = { origin: 1, incarnation: '0'.repeat(16), session: 1, sequence: 1, count: 1, floor: 0 }
    for (const length of [6, 2 ** 31, 2 ** 32 - 1]) {
      const cut = body.slice()
      new DataView(cut.buffer).setUint32(0, length, true)
      expect(outcomeOf(() => checkValue(valueCodec.encode([{ ...one, body: cut }])))).toBe('TRUNCATED')
      expect(outcomeOf(() => forEachCommand(cut, () => {}))).toBe('TRUNCATED')
      expect(outcomeOf(() => new CommandReader(cut).next())).toBe('TRUNCATED')
    }
    expect(outcomeOf(() => forEachCommand(body.subarray(0, 7), () => {}))).toBe('TRUNCATED')
  })

  test('what was taken stays as it was, also for commands larger than the first buffer', () => {
    const builder = new RunBuilder()
    const large = new Uint8Array(5 * 1024 * 1024).fill(7)
    builder.add(1, 0, large, 0, large.length)
    const first = builder.take()
    builder.add(1, 0, new Uint8Array(100).fill(9), 0, 100)
    builder.take()
    expect(first.subarray(8).every((byte) => byte === 7)).toBe(true)
    expect(Object.prototype.toString.call(first.buffer)).toBe('[object ArrayBuffer]')
  })

  test('refuses a payload beyond its source and a machine id beyond 16 bits', () => {
    const builder = new RunBuilder()
    expect(outcomeOf(() => builder.add(1, 0, new Uint8Array(4), 2, 3))).toBe('TRUNCATED')
    expect(outcomeOf(() => builder.add(65536, 0, new Uint8Array(4), 0, 4))).toBe('NOT_ENCODABLE')
    expect(builder.count).toBe(0)
  })
})
