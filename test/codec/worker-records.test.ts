import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import * as records from '../../src/codec/worker-records.js'
import { TIMER_KINDS } from '../../src/core/timers.js'
import { bytes, hex64, u16, u32, whole } from './arbitraries.js'
import { changed, changes, outcomeOf } from './hostile.js'

const deadline = fc.oneof(fc.double({ min: 0, noNaN: true }), fc.constant(Number.POSITIVE_INFINITY))
const u8 = fc.nat(255)

/** A slot of a ring: `length` bytes at an odd place of shared memory full of other records. */
function slot(length: number, offset = 13) {
  const all = new Uint8Array(new SharedArrayBuffer(offset + length + 9)).fill(0xee)
  return { all, view: new DataView(all.buffer), offset, length }
}

function pick<T extends object, K extends keyof T>(source: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, source[key]])) as Pick<T, K>
}

function cold<T extends object>(
  name: string,
  size: number,
  content: fc.Arbitrary<T>,
  write: (at: ReturnType<typeof slot>, content: T) => void,
  read: (view: DataView, bytes: Uint8Array, offset: number, length: number) => T,
): void {
  test(`${name} comes back as it was, within its bytes; cut anywhere it is refused`, () => {
    fc.assert(
      fc.property(content, (one) => {
        const at = slot(size)
        write(at, one)
        expect(read(at.view, at.all, at.offset, size)).toEqual(one)
        expect(at.all.subarray(0, 13).every((byte) => byte === 0xee)).toBe(true)
        expect(at.all.subarray(13 + size).every((byte) => byte === 0xee)).toBe(true)
        for (let length = 0; length < size; length++) {
          expect(outcomeOf(() => read(at.view, at.all, at.offset, length))).toBe('TRUNCATED')
        }
        expect(outcomeOf(() => read(at.view, at.all, at.all.length - size + 1, size))).toBe('TRUNCATED')
      }),
    )
  })

  test(`${name}: random words give a record or a CodecError`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: size, maxLength: size }), (noise) => {
        outcomeOf(() => read(new DataView(noise.buffer), noise, 0, size))
      }),
    )
  })
}

describe('records of numbers', () => {
  cold(
    'READ',
    records.READ_HEAD_BYTES,
    fc.record({
      group: u16,
      token: whole,
      machineId: u16,
      flags: u8,
      consistency: fc.constantFrom('quorum' as const, 'local' as const, 'lease' as const),
      deadline,
    }),
    (at, one) => records.writeRead(at.view, at.offset, one),
    (view, _, offset, length) => records.readRead(view, offset, length),
  )
  cold(
    'LINK',
    records.LINK_BYTES,
    fc.record({ peer: u16, up: fc.boolean(), voterId: hex64 }),
    (at, one) => records.writeLink(at.view, at.all, at.offset, one),
    records.readLink,
  )
  cold(
    'ENDED',
    records.ENDED_BYTES,
    fc.record({ group: u16, sequence: whole, count: u32, outcome: fc.constantFrom(...records.ENDED_OUTCOMES) }),
    (at, one) => records.writeEnded(at.view, at.offset, one),
    (view, _, offset, length) => records.readEnded(view, offset, length),
  )
  cold(
    'QUERY_REPLY',
    records.QUERY_REPLY_HEAD_BYTES,
    fc.record({
      group: u16,
      token: whole,
      outcome: fc.constantFrom(...records.QUERY_OUTCOMES),
      status: u8,
      flags: u8,
    }),
    (at, one) => records.writeQueryReply(at.view, at.offset, one),
    (view, _, offset, length) => records.readQueryReply(view, offset, length),
  )
  cold(
    'TIMER',
    records.TIMER_BYTES,
    fc.record({
      group: u16,
      timer: fc.constantFrom(...TIMER_KINDS),
      delayMs: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
    }),
    (at, one) => records.writeTimer(at.view, at.offset, one.group, TIMER_KINDS.indexOf(one.timer), one.delayMs),
    (view, _, offset, length) => records.readTimer(view, offset, length),
  )
  cold(
    'STATUS',
    records.STATUS_BYTES,
    fc.record({
      group: u16,
      state: fc.constantFrom(...records.GROUP_STATES),
      chosenUpTo: whole,
      lastAccepted: whole,
      executedUpTo: whole,
      firstKept: whole,
      checkpoint: whole,
      leader: whole,
      membershipVersion: whole,
      chain: u32,
      digest: u32,
      digestAt: whole,
      waiting: u32,
      inFlight: u32,
      waitingBytes: whole,
      executedCommands: whole,
      commits: whole,
      commitMicros: whole,
    }),
    (at, one) => records.writeStatus(at.view, at.offset, one),
    (view, _, offset, length) => records.readStatus(view, offset, length),
  )
})

describe('records with a tail', () => {
  const heads = [
    {
      name: 'COMMAND',
      head: records.COMMAND_HEAD_BYTES,
      content: fc.record({ group: u16, machineId: u16, flags: u8, sequence: whole, deadline }),
      write: (view: DataView, at: number, one: never) => {
        const { group, machineId, flags, sequence, deadline } = one as records.CommandRecord
        records.writeCommand(view, at, group, machineId, flags, sequence, deadline)
      },
      record: new records.CommandRecord(),
    },
    {
      name: 'COMMANDS',
      head: records.COMMANDS_HEAD_BYTES,
      content: fc.record({ group: u16, count: u32, sequence: whole, deadline }),
      write: (view: DataView, at: number, one: never) => {
        const { group, count, sequence, deadline } = one as records.CommandsRecord
        records.writeCommands(view, at, group, count, sequence, deadline)
      },
      record: new records.CommandsRecord(),
    },
    {
      name: 'MESSAGE',
      head: records.MESSAGE_HEAD_BYTES,
      content: fc.record({ group: u16, from: u16 }),
      write: (view: DataView, at: number, one: never) => {
        const { group, from } = one as records.MessageRecord
        records.writeMessage(view, at, group, from)
      },
      record: new records.MessageRecord(),
    },
    {
      name: 'SEND',
      head: records.SEND_HEAD_BYTES,
      content: fc.record({ group: u16, low: u32, high: u32 }),
      write: (view: DataView, at: number, one: never) => {
        const { group, low, high } = one as records.SendRecord
        records.writeSend(view, at, group, low, high)
      },
      record: new records.SendRecord(),
    },
  ]
  for (const { name, head, content, write, record } of heads) {
    test(`${name} comes back as it was, into one and the same object, and says where its tail is`, () => {
      fc.assert(
        fc.property(content as fc.Arbitrary<object>, bytes, (one, tail) => {
          const { all, view, offset } = slot(head + tail.length)
          write(view, offset, one as never)
          all.set(tail, offset + head)
          record.read(view, offset, head + tail.length)
          expect(pick(record as unknown as typeof one, Object.keys(one) as never[])).toEqual(one)
          expect(all.slice(record.offset, record.offset + record.length)).toEqual(tail)
          for (let length = 0; length < head; length++) {
            expect(outcomeOf(() => record.read(view, offset, length))).toBe('TRUNCATED')
          }
          expect(outcomeOf(() => record.read(view, all.length - 2, head))).toBe('TRUNCATED')
        }),
      )
    })
  }

  test('a mask names slots of both words', () => {
    const send = new records.SendRecord()
    const { view, offset } = slot(records.SEND_HEAD_BYTES)
    records.writeSend(view, offset, 1, 0x80000001, 0x80000002)
    send.read(view, offset, records.SEND_HEAD_BYTES)
    const named = Array.from({ length: records.MAX_PEER_SLOTS }, (_, i) => i).filter((i) => send.has(i))
    expect(named).toEqual([0, 31, 33, 63])
  })

  test('TUNE and EVENT carry plain data, bounded', () => {
    const event: records.WorkerEvent = { kind: 'log', level: 'warn', message: 'slow', fields: { ms: 3 } }
    const detail = records.encodeDetail(event)
    const { all, view, offset } = slot(records.GROUP_HEAD_BYTES + detail.length)
    records.writeGroupHead(view, offset, records.ALL_GROUPS)
    all.set(detail, offset + records.GROUP_HEAD_BYTES)
    expect(records.readGroupHead(view, offset, records.GROUP_HEAD_BYTES + detail.length)).toBe(records.ALL_GROUPS)
    expect(records.decodeDetail(all, offset + records.GROUP_HEAD_BYTES, detail.length)).toEqual(event)
    expect(outcomeOf(() => records.encodeDetail('x'.repeat(records.MAX_DETAIL_BYTES)))).toBe('TOO_LARGE')
    expect(outcomeOf(() => records.readGroupHead(view, offset, 3))).toBe('TRUNCATED')
  })

  test('words that no list has are not written', () => {
    const { view } = slot(64)
    const ended = { group: 1, sequence: 1, count: 1, outcome: 'lost' as never }
    expect(outcomeOf(() => records.writeEnded(view, 0, ended))).toBe('NOT_ENCODABLE')
  })
})

describe('REPLY', () => {
  const result = fc.record({ status: u8, flags: u8, bytes })
  const reply = fc.record({
    group: u16,
    sequence: whole.filter((n) => n < 2 ** 50),
    instance: whole,
    index: fc.nat(1 << 30),
    results: fc.array(result, { maxLength: 10 }),
  })
  type Reply = typeof reply extends fc.Arbitrary<infer T> ? T : never

  function build(builder: records.ReplyBuilder, one: Reply): void {
    builder.begin(one.group, one.sequence, one.instance, one.index)
    for (const { status, flags, bytes: payload } of one.results) builder.add(status, flags, payload)
  }

  function walk(reader: records.ReplyReader, at: Uint8Array, offset: number, length: number): Reply {
    reader.read(new DataView(at.buffer), at, offset, length)
    const { group, instance, count } = reader
    const [sequence, index] = [reader.sequence + 1, reader.index + 1]
    const results: Reply['results'] = []
    while (reader.next()) {
      expect([reader.sequence, reader.index]).toEqual([sequence + results.length, index + results.length])
      const payload = at.slice(reader.offset, reader.offset + reader.length)
      results.push({ status: reader.status, flags: reader.flags, bytes: payload })
    }
    expect(count).toBe(results.length)
    return { group, sequence, instance, index, results }
  }

  test('results come back in order with their sequences and places', () => {
    const builder = new records.ReplyBuilder()
    const reader = new records.ReplyReader()
    fc.assert(
      fc.property(reply, (one) => {
        build(builder, one)
        expect(builder.count).toBe(one.results.length)
        const { all, offset } = slot(builder.byteLength)
        builder.writeTo(all, offset)
        expect(walk(reader, all, offset, builder.byteLength)).toEqual(one)
        const copy = builder.finish().slice()
        expect(walk(reader, copy, 0, copy.length)).toEqual(one)
      }),
    )
  })

  test('a large result grows the builder, which lets go of it again', () => {
    const builder = new records.ReplyBuilder()
    const large = new Uint8Array(5_000_000).fill(1)
    builder.begin(1, 1, 1, 0)
    builder.add(0, 0, large)
    const reader = new records.ReplyReader()
    const copy = builder.finish().slice()
    expect(walk(reader, copy, 0, copy.length).results[0]?.bytes.length).toBe(large.length)
    builder.begin(2, 5, 6, 7)
    expect(builder.finish().buffer.byteLength).toBeLessThan(1_000_000)
    expect(walk(reader, builder.finish().slice(), 0, builder.byteLength).group).toBe(2)
  })

  test('cut, damaged and random records give a CodecError or results inside the record', () => {
    const builder = new records.ReplyBuilder()
    const reader = new records.ReplyReader()
    const readAll = (record: Uint8Array) => {
      reader.read(new DataView(record.buffer, record.byteOffset, record.length), record, 0, record.length)
      while (reader.next()) expect(reader.offset + reader.length).toBeLessThanOrEqual(record.length)
    }
    fc.assert(
      fc.property(reply, changes, bytes, (one, list, noise) => {
        build(builder, one)
        const valid = builder.finish().slice()
        for (let length = 0; length < valid.length; length++) {
          expect(outcomeOf(() => readAll(valid.slice(0, length)))).not.toBe('ok')
        }
        outcomeOf(() => readAll(changed(valid, list)))
        outcomeOf(() => readAll(noise))
      }),
      { numRuns: 500 },
    )
  })
})
