import { describe, expect, test } from '@jest/globals'
import { Random } from '../../src/base/random.js'
import { FragmentWriter, MessageReader } from '../../src/ring/fragments.js'
import { CONTINUED_FLAG, MORE_FLAG } from '../../src/ring/layout.js'
import { allocateRing, RingConsumer, RingProducer } from '../../src/ring/spsc-ring.js'

function setup(capacity = 512, maxMessageBytes = 100_000) {
  const memory = allocateRing(capacity, { startPosition: 2 ** 32 - 256 })
  const producer = new RingProducer(memory)
  const drops: [number, number][] = []
  const onDropped = (kind: number, total: number): void => {
    drops.push([kind, total])
  }
  const reader = new MessageReader(new RingConsumer(memory), { maxMessageBytes, onDropped })
  return { producer, reader, drops }
}

function pattern(length: number, seed = 1): Uint8Array {
  const random = new Random(seed)
  return Uint8Array.from({ length }, () => random.below(256))
}

function drain(reader: MessageReader): { kind: number; payload: Uint8Array; inPlace: boolean }[] {
  const messages = []
  while (reader.next()) {
    const payload = reader.bytes.slice(reader.offset, reader.offset + reader.length)
    messages.push({ kind: reader.kind, payload: Uint8Array.from(payload), inPlace: reader.inPlace })
  }
  reader.release()
  return messages
}

/** Pumps with the reader draining in between, as two threads would. */
function transfer(writer: FragmentWriter, producer: RingProducer, reader: MessageReader) {
  const messages = []
  for (let done = false; !done; ) {
    done = writer.pump()
    producer.publish()
    messages.push(...drain(reader))
  }
  return messages
}

describe('fragments', () => {
  test('a message of one record is read in place', () => {
    const { producer, reader } = setup()
    const payload = pattern(producer.maxRecordBytes)
    const writer = new FragmentWriter(producer, 9, payload.subarray(0, 50), payload.subarray(50))
    expect(transfer(writer, producer, reader)).toEqual([{ kind: 9, payload, inPlace: true }])
    expect(writer.isDone()).toBe(true)
    expect(writer.pump()).toBe(true)
    expect(drain(reader)).toEqual([])
  })

  test('every length around the limits arrives, with the cut between head and body anywhere', () => {
    const { producer, reader } = setup()
    const max = producer.maxRecordBytes
    const lengths = [0, 1, max - 8, max - 1, max, max + 1, 2 * max - 8, 2 * max - 7, 2 * max, 5 * max, 40 * max + 3]
    for (const length of lengths) {
      for (const cut of [0, 1, Math.floor(length / 3), max, length]) {
        if (cut > length) continue
        const payload = pattern(length, length + cut)
        const writer = new FragmentWriter(producer, 3, payload.subarray(0, cut), payload.subarray(cut))
        const messages = transfer(writer, producer, reader)
        expect(messages.length).toBe(1)
        expect(Buffer.compare(messages[0]?.payload as Uint8Array, payload)).toBe(0)
        expect(messages[0]?.inPlace).toBe(length <= max)
      }
    }
  })

  test('an assembled message is its own buffer: the next one does not change it', () => {
    const { producer, reader } = setup(4096)
    const first = pattern(1500, 1)
    new FragmentWriter(producer, 1, first).pump()
    new FragmentWriter(producer, 2, pattern(1500, 2)).pump()
    producer.publish()
    expect(reader.next()).toBe(true)
    const kept = reader.bytes
    expect(reader.next()).toBe(true)
    expect(reader.bytes).not.toBe(kept)
    expect(Buffer.compare(kept, first)).toBe(0)
  })

  test('whole records may overtake a fragmented message', () => {
    const { producer, reader } = setup()
    const payload = pattern(1000)
    const writer = new FragmentWriter(producer, 1, payload)
    expect(writer.pump()).toBe(false)
    producer.publish()
    expect(drain(reader)).toEqual([])
    producer.tryClaim(2, 0)
    producer.commit()
    const messages = transfer(writer, producer, reader)
    expect(messages.map((message) => message.kind)).toEqual([2, 1])
    expect(messages[1]?.payload).toEqual(payload)
  })

  test('a second fragmented message has to wait for the first', () => {
    const { producer, reader } = setup()
    const first = new FragmentWriter(producer, 1, pattern(1000))
    const second = new FragmentWriter(producer, 2, pattern(1000))
    expect(first.pump()).toBe(false)
    expect(() => second.pump()).toThrow(/in progress/)
    expect(second.abort()).toBe(true)
    expect(transfer(first, producer, reader).length).toBe(1)
    expect(producer.fragmenting).toBeUndefined()
  })

  test('an aborted message is forgotten and the next one arrives', () => {
    const { producer, reader } = setup()
    const writer = new FragmentWriter(producer, 1, pattern(1000))
    expect(writer.pump()).toBe(false)
    producer.publish()
    expect(drain(reader)).toEqual([])
    expect(writer.abort()).toBe(true)
    expect(writer.pump()).toBe(true)
    const next = pattern(700, 2)
    expect(transfer(new FragmentWriter(producer, 2, next), producer, reader)).toEqual([
      { kind: 2, payload: next, inPlace: false },
    ])
    expect(reader.aborted).toBe(1)
  })

  test('an abort that finds the ring full is written by a later pump', () => {
    const { producer, reader } = setup()
    const writer = new FragmentWriter(producer, 1, pattern(1000))
    writer.pump()
    while (producer.tryClaim(5, 0) >= 0) producer.commit()
    expect(writer.abort()).toBe(false)
    expect(writer.nextBytes()).toBe(0)
    expect(writer.pump()).toBe(false)
    producer.publish()
    drain(reader)
    expect(reader.aborted).toBe(0)
    expect(writer.pump()).toBe(true)
    producer.publish()
    expect(drain(reader)).toEqual([])
    expect(reader.aborted).toBe(1)
  })

  test('a message above the bound is dropped and counted, the one at the bound is not', () => {
    const { producer, reader, drops } = setup(512, 1000)
    expect(transfer(new FragmentWriter(producer, 1, pattern(1001)), producer, reader)).toEqual([])
    expect(reader.dropped).toBe(1)
    expect(drops).toEqual([[1, 1001]])
    expect(transfer(new FragmentWriter(producer, 2, pattern(1000)), producer, reader).length).toBe(1)
    expect(reader.dropped).toBe(1)
  })

  test('nextBytes is what the pump needs', () => {
    const { producer, reader } = setup()
    const writer = new FragmentWriter(producer, 1, pattern(2000))
    while (!writer.pump()) {
      expect(producer.hasSpaceFor(writer.nextBytes())).toBe(false)
      producer.publish()
      reader.next()
      reader.release()
      expect(producer.hasSpaceFor(writer.nextBytes())).toBe(true)
    }
    expect(writer.nextBytes()).toBe(0)
  })
})

describe('fragments that cannot be', () => {
  function broken(...records: [flags: number, total: number, length: number][]): () => void {
    const { producer, reader } = setup(1024)
    for (const [flags, total, length] of records) {
      const at = producer.tryClaim(1, length, flags)
      if (length >= 8) producer.view.setUint32(at, total, true)
      producer.commit()
    }
    producer.publish()
    return () => drain(reader)
  }

  test('a middle without a beginning', () => expect(broken([CONTINUED_FLAG, 0, 8])).toThrow(/out of order/))
  test('two beginnings', () => {
    expect(broken([MORE_FLAG, 100, 16], [MORE_FLAG, 100, 16])).toThrow(/out of order/)
  })
  test('more than announced', () => {
    expect(broken([MORE_FLAG, 20, 16], [CONTINUED_FLAG, 0, 16])).toThrow(/add up/)
  })
  test('less than announced', () => {
    expect(broken([MORE_FLAG, 20, 16], [CONTINUED_FLAG, 0, 8])).toThrow(/add up/)
  })
  test('just what was announced', () => {
    expect(broken([MORE_FLAG, 20, 16], [CONTINUED_FLAG, 0, 12])).not.toThrow()
  })
})
