import { describe, expect, test } from '@jest/globals'
import { encode } from 'cbor-x'
import { defaultRun } from '../../native-bench/bench-options.js'
import { Commands } from '../../native-bench/load/commands.js'
import { Latencies, mergedPercentiles } from '../../native-bench/load/latencies.js'
import { loadShares } from '../../native-bench/load/load-shares.js'

describe('commands', () => {
  test.each([8, 16, 100])('of %d bytes are as long, and no two alike', (bytes) => {
    const commands = new Commands(4, bytes, 'bytes')
    const seen = new Set<string>()
    for (let call = 0; call < 50; call++) {
      for (const command of commands.nextMany(7) as Uint8Array[]) {
        expect(command).toHaveLength(bytes)
        seen.add(Buffer.from(command).toString('hex'))
      }
      seen.add(Buffer.from(commands.next(7) as Uint8Array).toString('hex'))
    }
    expect(seen.size).toBe(250)
  })

  test.each([16, 100, 1_024])('of %d bytes as cbor are about as long when they are encoded', (bytes) => {
    const command = new Commands(1, bytes, 'cbor').next(0x7fff_ffff)
    // Small counts take fewer bytes than large ones.
    expect(Math.abs(encode(command).length - bytes)).toBeLessThanOrEqual(8)
  })
})

describe('latencies', () => {
  test('of several loads are those of one', () => {
    const [a, b] = [new Latencies(), new Latencies()]
    for (let ms = 1; ms <= 50; ms++) a.recordMs(ms)
    for (let ms = 51; ms <= 100; ms++) b.recordMs(ms)
    const merged = mergedPercentiles([a.encode(), b.encode()])!
    expect(merged.p50).toBeCloseTo(50, 0)
    expect(merged.p99).toBeCloseTo(99, 0)
    expect(merged.max).toBeCloseTo(100, 0)
  })

  test('of calls of many commands count for each of them', () => {
    const latencies = new Latencies()
    latencies.recordMs(10, 99)
    latencies.recordMs(1_000, 1)
    expect(mergedPercentiles([latencies.encode()])!.p99).toBeCloseTo(10, 0)
  })

  test('are kept until they are forgotten, short and long ones alike', () => {
    const latencies = new Latencies()
    for (const ms of [1, 2, 500]) latencies.recordMs(ms)
    expect(latencies.percentileMs(50)).toBeCloseTo(2, 1)
    latencies.recordMs(2)
    expect(latencies.count).toBe(4)
    expect(latencies.maxMs).toBeCloseTo(500, 0)
    latencies.recordMs(3)
    latencies.reset()
    expect(latencies.count).toBe(0)
  })

  test('that nobody had are none', () => {
    expect(mergedPercentiles([new Latencies().encode()])).toBeUndefined()
  })
})

describe('the parts of a load', () => {
  const base = { ...defaultRun(), nodes: 3, callers: 100 }

  test('on one node are the whole', () => {
    expect(loadShares(base)).toMatchObject([{ callers: 100, rate: undefined, firstCaller: 0 }])
  })

  test('on all nodes add up, and no two callers have one name', () => {
    const shares = loadShares({ ...base, load: 'all' })
    expect(shares.map(({ callers }) => callers)).toEqual([34, 33, 33])
    const names = shares.flatMap(({ callers, firstCaller }) =>
      Array.from({ length: callers }, (_, i) => firstCaller! + i),
    )
    expect(new Set(names).size).toBe(100)
  })

  test('share the rate of an open loop', () => {
    const shares = loadShares({ ...base, load: 'all', rate: 900, outstanding: 30 })
    expect(shares).toMatchObject(Array.from({ length: 3 }, () => ({ rate: 300, outstanding: 10 })))
  })
})
