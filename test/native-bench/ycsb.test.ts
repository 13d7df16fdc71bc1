import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { Truth, valueFor } from '../../native-bench/ycsb/records.js'
import { Chooser, WORKLOADS, type WorkloadName } from '../../native-bench/ycsb/workloads.js'
import { scrambled, THETA, Zipfian } from '../../native-bench/ycsb/zipfian.js'
import { Random } from '../../src/base/random.js'

const DRAWS = 200_000
const COUNT = 1_000

/** How often each rank may come, by the definition. */
const exact = (count: number): number[] => {
  const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 1) ** THETA)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

const cumulative = (shares: readonly number[], count: number): number =>
  shares.slice(0, count).reduce((sum, share) => sum + share, 0)

function sharesOf(zipfian: Zipfian, count: number): number[] {
  const counts = new Array<number>(count).fill(0)
  for (let i = 0; i < DRAWS; i++) counts[zipfian.next()]!++
  return counts.map((drawn) => drawn / DRAWS)
}

describe('the zipfian distribution', () => {
  const grown = () => {
    const zipfian = new Zipfian(10, new Random(2))
    zipfian.grow(COUNT)
    return zipfian
  }

  test.each([
    ['made at once', () => new Zipfian(COUNT, new Random(1))],
    ['grown', grown],
  ])('%s is the exact one in its first ranks, and near it in sums', (_, make) => {
    const drawn = sharesOf(make(), COUNT)
    const expected = exact(COUNT)
    for (const rank of [0, 1]) {
      const deviation = Math.sqrt((expected[rank]! * (1 - expected[rank]!)) / DRAWS)
      expect(Math.abs(drawn[rank]! - expected[rank]!)).toBeLessThan(4 * deviation)
    }
    // The curve of the generator leaves the exact one by at most this much.
    for (const upTo of [5, 10, 50, 100, 500]) {
      expect(Math.abs(cumulative(drawn, upTo) - cumulative(expected, upTo))).toBeLessThan(0.03)
    }
    expect(cumulative(drawn, COUNT)).toBeCloseTo(1)
  })
})

describe('scrambled ranks', () => {
  test.each([0, 1, 255, 256, 99_999, 2 ** 40 + 17])('%d is hashed as FNV-1a of 64 bits', (value) => {
    let hash = 0xcbf29ce484222325n
    for (let i = 0n; i < 8n; i++) {
      hash = BigInt.asUintN(64, (hash ^ ((BigInt(value) >> (8n * i)) & 0xffn)) * 1_099_511_628_211n)
    }
    for (const count of [7, 1_000, 1_048_576, 9_999_991]) {
      expect(scrambled(value, count)).toBe(Number(hash % BigInt(count)))
    }
  })
})

describe('workloads', () => {
  test.each(Object.keys(WORKLOADS) as WorkloadName[])('%s has its operations in their shares', (name) => {
    const { shares } = WORKLOADS[name]
    expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1)
    const chooser = new Chooser(WORKLOADS[name], COUNT, new Random(3))
    const counts: Record<string, number> = {}
    for (let i = 0; i < DRAWS; i++) {
      const operation = chooser.operation()
      counts[operation] = (counts[operation] ?? 0) + 1
    }
    for (const [operation, share] of Object.entries(shares)) {
      expect(counts[operation]! / DRAWS).toBeCloseTo(share, 2)
    }
    expect(Object.keys(counts).sort()).toEqual(Object.keys(shares).sort())
  })

  test('popular keys lie anywhere, and all are there', () => {
    const chooser = new Chooser(WORKLOADS.A, COUNT, new Random(4))
    const counts = new Map<number, number>()
    for (let i = 0; i < DRAWS; i++) {
      const key = chooser.key()
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    const [popular] = [...counts].sort(([, a], [, b]) => b - a)[0]!
    expect(popular).toBe(scrambled(0, COUNT))
    expect([Math.min(...counts.keys()), Math.max(...counts.keys())].every((key) => key >= 0 && key < COUNT)).toBe(true)
  })

  test('the latest keys are read most, and none before all up to it are there', () => {
    const chooser = new Chooser(WORKLOADS.D, COUNT, new Random(5))
    const keys = [chooser.keyToInsert(), chooser.keyToInsert(), chooser.keyToInsert()]
    expect(keys).toEqual([COUNT, COUNT + 1, COUNT + 2])
    const highest = () => Math.max(...Array.from({ length: 1_000 }, () => chooser.key()))
    chooser.inserted(keys[1]!)
    expect(highest()).toBe(COUNT - 1)
    chooser.inserted(keys[0]!)
    expect(highest()).toBe(COUNT + 1)
    expect(Math.min(...Array.from({ length: 1_000 }, () => chooser.key()))).toBeGreaterThanOrEqual(0)
  })
})

describe('values that were read', () => {
  const BYTES = 60
  const found = (value: Buffer, version = 3) => ({ version, value })
  const checked = (value: { version: number; value: Buffer } | undefined, lowest = 0): string[] => {
    const truth = new Truth(2, BYTES)
    truth.nextValue(7, 1)
    truth.nextValue(8, 1)
    truth.check(7, value, lowest)
    return truth.wrong
  }

  test('are right when they were sent for this key', () => {
    expect(checked(found(valueFor(7, 1, 1, BYTES)), 3)).toEqual([])
  })

  test.each([
    ['of another key', found(valueFor(8, 1, 2, BYTES))],
    ['of a writer that has sent nothing', found(valueFor(7, 0, 1, BYTES))],
    ['that was not yet sent', found(valueFor(7, 1, 3, BYTES))],
    ['that is cut short', found(valueFor(7, 1, 1, BYTES - 1))],
    ['that is damaged', found(Buffer.concat([valueFor(7, 1, 1, BYTES - 1), Buffer.from('y')]))],
    ['that is not there', undefined],
  ])('are wrong: one %s', (_, value) => {
    expect(checked(value)).toHaveLength(1)
  })

  test('are wrong when a linearizable read gives an older one', () => {
    const truth = new Truth(1, BYTES)
    const value = truth.nextValue(7, 0)
    truth.acknowledge(7, 4)
    truth.acknowledge(7, 2)
    expect(truth.lowest(7)).toBe(4)
    truth.check(7, found(value), truth.lowest(7))
    expect(truth.wrong).toEqual(['user0000000007 was read with version 3 after 4 had been acknowledged'])
  })
})

describe('bench:ycsb', () => {
  const run = promisify(execFile)
  const program = fileURLToPath(new URL('../../native-bench/ycsb/ycsb.js', import.meta.url))
  const short = ['--records', '200', '--seconds', '0.4', '--warm-up', '0', '--callers', '8', '--groups', '2', '--json']

  test.each([
    ['in process, reads of the latest', ['--workload', 'D', '--consistency', 'local', '--state', 'memory'], 'read'],
    ['over HTTP, reads and writes', ['--workload', 'F', '--http'], 'readModifyWrite'],
  ])('%s', async (_, args, operation) => {
    const { stdout } = await run(process.execPath, [program, ...short, ...args])
    const result = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as { figures: object[] }
    expect(result).toMatchObject({ right: true, errors: {} })
    expect(result.figures).toContainEqual(expect.objectContaining({ operation, p50Ms: expect.any(Number) }))
  })
})
