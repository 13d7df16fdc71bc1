import { describe, expect, test } from '@jest/globals'
import { Random } from '../../src/base/random.js'
import { PRODUCER_WORD, RING_HEADER_BYTES } from '../../src/ring/layout.js'
import { allocateRing, RingConsumer, RingProducer } from '../../src/ring/spsc-ring.js'

const nearWrap = 2 ** 32 - 64

function pair(capacity: number, startPosition = 0) {
  const memory = allocateRing(capacity, { startPosition })
  return { memory, producer: new RingProducer(memory), consumer: new RingConsumer(memory) }
}

function write(producer: RingProducer, kind: number, payload: number[]): boolean {
  const at = producer.tryClaim(kind, payload.length)
  if (at < 0) return false
  producer.bytes.set(payload, at)
  producer.commit()
  return true
}

function read(consumer: RingConsumer): { kind: number; payload: number[] } | undefined {
  if (!consumer.next()) return undefined
  const { kind, offset, length, bytes } = consumer
  return { kind, payload: [...bytes.subarray(offset, offset + length)] }
}

describe('ring memory', () => {
  test('capacity is rounded up to a power of two and a quarter of it bounds a record', () => {
    const { producer } = pair(1000)
    expect(producer.capacity).toBe(1024)
    expect(producer.maxRecordBytes).toBe(1024 / 4 - 8)
    expect(() => producer.tryClaim(1, producer.maxRecordBytes + 1)).toThrow(RangeError)
    expect(() => producer.tryClaim(1, -1)).toThrow(RangeError)
    expect(producer.tryClaim(1, producer.maxRecordBytes)).toBeGreaterThanOrEqual(0)
  })

  test('memory that holds no ring is refused', () => {
    expect(() => new RingConsumer(new SharedArrayBuffer(1024 + 512))).toThrow(/ring/)
    expect(() => new RingProducer(new SharedArrayBuffer(RING_HEADER_BYTES + 1024))).toThrow(/no ring/)
    expect(() => allocateRing(0)).toThrow(RangeError)
    expect(() => allocateRing(2 ** 30)).toThrow(RangeError)
    expect(() => allocateRing(1024, { startPosition: 4 })).toThrow(RangeError)
  })
})

describe('records', () => {
  test('a record is visible after publish, not after commit', () => {
    const { producer, consumer } = pair(256)
    expect(write(producer, 7, [1, 2, 3])).toBe(true)
    expect(consumer.isEmpty()).toBe(true)
    expect(consumer.next()).toBe(false)
    expect(producer.publish()).toBe(true)
    expect(producer.publish()).toBe(false)
    expect(consumer.isEmpty()).toBe(false)
    expect(read(consumer)).toEqual({ kind: 7, payload: [1, 2, 3] })
    expect(consumer.isEmpty()).toBe(true)
    expect(consumer.next()).toBe(false)
  })

  test('kinds of 16 bits, empty payloads, aligned offsets', () => {
    const { producer, consumer } = pair(256)
    for (const kind of [0, 1, 0x7fff, 0x8000, 0xffff]) {
      expect(write(producer, kind, [])).toBe(true)
      const at = producer.tryClaim(kind, 3)
      expect(at % 8).toBe(0)
      producer.commit()
      producer.publish()
      expect(read(consumer)).toEqual({ kind, payload: [] })
      expect(read(consumer)?.kind).toBe(kind)
      expect(consumer.offset % 8).toBe(0)
      consumer.release()
    }
  })

  test('an aborted claim leaves nothing, and a claim may be committed shorter', () => {
    const { producer, consumer } = pair(256)
    const free = producer.freeBytes()
    producer.tryClaim(1, 40)
    producer.abort()
    expect(producer.freeBytes()).toBe(free)
    expect(producer.publish()).toBe(false)
    const at = producer.tryClaim(2, 40)
    producer.bytes[at] = 9
    producer.commit(1)
    expect(producer.freeBytes()).toBe(free - 16)
    write(producer, 3, [4])
    producer.publish()
    expect(read(consumer)).toEqual({ kind: 2, payload: [9] })
    expect(read(consumer)).toEqual({ kind: 3, payload: [4] })
  })

  test('claims and commits come in pairs', () => {
    const { producer } = pair(256)
    expect(() => producer.commit()).toThrow(/claimed/)
    producer.tryClaim(1, 8)
    expect(() => producer.tryClaim(1, 8)).toThrow(/already/)
    expect(() => producer.commit(9)).toThrow(/claimed/)
    producer.commit()
    expect(() => producer.commit()).toThrow(/claimed/)
  })

  test.each([0, nearWrap])('full is a value, and release makes room (start %d)', (start) => {
    const { producer, consumer } = pair(256, start)
    let written = 0
    while (write(producer, 1, [written, 0, 0, 0, 0, 0, 0, 0])) written++
    expect(written).toBe(256 / 16)
    expect(producer.freeBytes()).toBe(0)
    expect(producer.hasSpaceFor(0)).toBe(false)
    producer.publish()
    expect(read(consumer)?.payload[0]).toBe(0)
    expect(producer.tryClaim(1, 8)).toBe(-1)
    consumer.release()
    expect(producer.hasSpaceFor(8)).toBe(true)
    expect(producer.hasSpaceFor(9)).toBe(false)
    expect(write(producer, 1, [99, 0, 0, 0, 0, 0, 0, 0])).toBe(true)
    producer.publish()
    for (let i = 1; i < written; i++) expect(read(consumer)?.payload[0]).toBe(i)
    expect(read(consumer)?.payload[0]).toBe(99)
    expect(consumer.next()).toBe(false)
  })

  test.each([0, nearWrap])('a record that does not fit before the end goes to the start (start %d)', (start) => {
    const { producer, consumer } = pair(256, start)
    for (let i = 0; i < 5; i++) write(producer, 1, new Array(32).fill(i))
    producer.publish()
    for (let i = 0; i < 5; i++) expect(read(consumer)?.payload).toEqual(new Array(32).fill(i))
    consumer.release()
    // 200 of 256 used (start 0): the next record of 56 + 8 bytes wraps, whatever the start was.
    for (let i = 0; i < 40; i++) {
      const at = producer.tryClaim(2, 56)
      expect(at).toBeGreaterThanOrEqual(8)
      expect(at + 56).toBeLessThanOrEqual(256)
      producer.bytes.fill(i, at, at + 56)
      producer.commit()
      write(producer, 3, [i])
      producer.publish()
      expect(read(consumer)).toEqual({ kind: 2, payload: new Array(56).fill(i) })
      expect(read(consumer)).toEqual({ kind: 3, payload: [i] })
      consumer.release()
    }
    expect(producer.freeBytes()).toBe(256)
  })

  test('snapshot fixes what is visible, follow ends it', () => {
    const { producer, consumer } = pair(256)
    write(producer, 1, [])
    producer.publish()
    expect(consumer.snapshot()).toBe(8)
    write(producer, 2, [])
    producer.publish()
    expect(consumer.next()).toBe(true)
    expect(consumer.next()).toBe(false)
    expect(consumer.isEmpty()).toBe(false)
    expect(consumer.snapshot()).toBe(8)
    write(producer, 3, [])
    producer.publish()
    expect(consumer.next()).toBe(true)
    expect(consumer.kind).toBe(2)
    expect(consumer.next()).toBe(false)
    consumer.follow()
    expect(consumer.next()).toBe(true)
    expect(consumer.kind).toBe(3)
  })

  test('new ends take up the positions found in the memory', () => {
    const { memory, producer, consumer } = pair(256, nearWrap)
    write(producer, 1, [1])
    write(producer, 2, [2])
    producer.publish()
    consumer.next()
    consumer.release()
    const second = new RingProducer(memory)
    expect(second.freeBytes()).toBe(256 - 16)
    write(second, 3, [3])
    second.publish()
    const reader = new RingConsumer(memory)
    expect(read(reader)).toEqual({ kind: 2, payload: [2] })
    expect(read(reader)).toEqual({ kind: 3, payload: [3] })
  })
})

describe('against a list', () => {
  test.each([1, 2, 3, 4])(
    'random writes, aborts, publishes, reads and releases give the same records (seed %d)',
    (seed) => {
      const random = new Random(seed)
      const { producer, consumer } = pair(512, 2 ** 32 - 8 * random.below(4096))
      const committed: string[] = []
      let published = 0
      let readCount = 0
      let refused = 0
      for (let step = 0; step < 20_000; step++) {
        const dice = random.below(10)
        if (dice < 5) {
          const payload = Array.from({ length: random.below(random.chance(0.1) ? 121 : 24) }, () => random.below(256))
          const at = producer.tryClaim(step & 0xffff, payload.length)
          if (at < 0) refused++
          else if (random.chance(0.1)) producer.abort()
          else {
            producer.bytes.set(payload, at)
            producer.commit()
            committed.push(JSON.stringify({ kind: step & 0xffff, payload }))
          }
        } else if (dice < 7) {
          producer.publish()
          published = committed.length
        } else {
          for (let n = random.below(8); n > 0; n--) {
            const record = read(consumer)
            if (record === undefined) {
              expect(readCount).toBe(published)
              break
            }
            expect(JSON.stringify(record)).toBe(committed[readCount++])
          }
          if (random.chance(0.5)) consumer.release()
        }
      }
      expect(readCount).toBeGreaterThan(4_000)
      expect(refused).toBeGreaterThan(50)
    },
  )
})

describe('corruption', () => {
  function corrupted(damage: (data: Int32Array, words: Int32Array) => void, next = 1): unknown {
    const { memory, producer, consumer } = pair(256)
    write(producer, 1, [1, 2, 3, 4])
    write(producer, 2, [5])
    producer.publish()
    damage(new Int32Array(memory, RING_HEADER_BYTES), new Int32Array(memory, 0, RING_HEADER_BYTES >> 2))
    try {
      for (let i = 0; i < next; i++) consumer.next()
    } catch (error) {
      expect(() => consumer.next()).toThrow()
      return (error as { code?: string }).code
    }
    return undefined
  }

  test('undamaged passes', () => expect(corrupted(() => {}, 3)).toBeUndefined())

  test('every flipped bit of a header is noticed', () => {
    for (let word = 0; word < 2; word++) {
      for (let bit = 0; bit < 32; bit++) {
        const code = corrupted((data) => {
          data[word] = (data[word] as number) ^ (1 << bit)
        })
        expect([word, bit, code]).toEqual([word, bit, 'RING_CORRUPT'])
      }
    }
  })

  test('zeroes where a header should be', () => {
    expect(corrupted((data) => data.fill(0))).toBe('RING_CORRUPT')
  })

  test('a producer position that is misaligned, behind, or more than a ring ahead', () => {
    for (const position of [4, -8, 256 + 8, 2 ** 31]) {
      expect(
        corrupted((_, words) => {
          words[PRODUCER_WORD] = position | 0
        }),
      ).toBe('RING_CORRUPT')
    }
  })

  test('a whole record of an earlier lap does not pass for a new one', () => {
    const { memory, producer, consumer } = pair(256)
    for (let i = 0; i < 16; i++) write(producer, i, [i, 0, 0, 0, 0, 0, 0, 0])
    producer.publish()
    while (consumer.next()) {}
    consumer.release()
    const words = new Int32Array(memory, 0, RING_HEADER_BYTES >> 2)
    words[PRODUCER_WORD] = (words[PRODUCER_WORD] as number) + 16
    expect(() => consumer.next()).toThrow(/corrupt/)
  })
})

describe('space', () => {
  test('waitForSpace publishes, times out while full, and returns at once when there is room', () => {
    const { producer, consumer } = pair(256)
    while (write(producer, 1, new Array(24).fill(1))) {}
    expect(consumer.isEmpty()).toBe(true)
    expect(producer.waitForSpace(24, 5)).toBe(false)
    expect(consumer.isEmpty()).toBe(false)
    consumer.next()
    consumer.release()
    expect(producer.waitForSpace(24, 0)).toBe(true)
    expect(producer.waitForSpace(25, 0)).toBe(false)
  })

  test('a request for space is answered once, by the release that makes enough room', () => {
    const { producer, consumer } = pair(256)
    expect(producer.requestSpace(24)).toBe(true)
    expect(producer.awaitsSpace()).toBe(false)
    while (write(producer, 1, new Array(24).fill(1))) {}
    expect(producer.requestSpace(56)).toBe(false)
    expect(producer.awaitsSpace()).toBe(true)
    consumer.next()
    consumer.release()
    expect(producer.awaitsSpace()).toBe(true)
    consumer.next()
    consumer.release()
    expect(producer.awaitsSpace()).toBe(false)
    expect(producer.hasSpaceFor(56)).toBe(true)
  })
})
