import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { bruteForce } from './brute-force.js'
import { check } from './check.js'
import type { Operation } from './history.js'
import { type KvAction, kvModel } from './kv-model.js'
import { randomHistory, withOneWrongAnswer } from './random-history.js'

const NEVER = Number.POSITIVE_INFINITY
const at = (call: number, end: number, action: KvAction): Operation<KvAction> => ({ call, end, action })
const done = (version: number) => ({ kind: 'done', version }) as const
const conflict = (version: number) => ({ kind: 'conflict', version }) as const
const absent = { kind: 'absent' } as const

const put = (value: string, version: number): KvAction => ({ kind: 'put', value, answer: done(version) })
const putUnknown = (value: string): KvAction => ({ kind: 'put', value })
const get = (value: string, version: number): KvAction => ({ kind: 'get', answer: { kind: 'found', version, value } })
const getAbsent: KvAction = { kind: 'get', answer: absent }
const remove = (version: number): KvAction => ({ kind: 'delete', answer: done(version) })
const swap = (value: string, ifVersion: number): KvAction => ({
  kind: 'compare-and-set',
  value,
  ifVersion,
  answer: done(ifVersion + 1),
})
const swapRefused = (value: string, ifVersion: number, version: number): KvAction => ({
  kind: 'compare-and-set',
  value,
  ifVersion,
  answer: conflict(version),
})
const swapUnknown = (value: string, ifVersion: number): KvAction => ({ kind: 'compare-and-set', value, ifVersion })

describe.each(['own', 'shared'] as const)('versions of a key: %s', (versions) => {
  const outcome = (history: readonly Operation<KvAction>[]) => check(kvModel(versions), history).outcome

  test.each<[string, Operation<KvAction>[]]>([
    ['nothing at all', []],
    ['one after the other', [at(0, 1, put('a', 1)), at(2, 3, get('a', 1)), at(4, 5, put('b', 2))]],
    ['a read beside a write sees the old', [at(0, 1, put('a', 1)), at(2, 9, put('b', 2)), at(3, 4, get('a', 1))]],
    ['or the new', [at(0, 1, put('a', 1)), at(2, 9, put('b', 2)), at(3, 4, get('b', 2))]],
    [
      'two writes at once, the later call first',
      [at(0, 9, put('a', 2)), at(1, 8, put('b', 1)), at(10, 11, get('a', 2))],
    ],
    ['an unknown write took effect late', [at(0, NEVER, putUnknown('a')), at(1, 2, getAbsent), at(8, 9, get('a', 1))]],
    ['an unknown write never did', [at(0, NEVER, putUnknown('a')), at(1, 2, getAbsent), at(8, 9, put('b', 1))]],
    ['an unknown write was overwritten unseen', [at(0, NEVER, putUnknown('a')), at(8, 9, put('b', 2))]],
    [
      'an unknown compare-and-set met another version',
      [at(0, 1, put('a', 1)), at(2, 3, put('b', 2)), at(4, NEVER, swapUnknown('c', 1)), at(5, 6, get('b', 2))],
    ],
    [
      'of two compare-and-sets at once one is refused',
      [at(0, 1, put('a', 1)), at(2, 9, swap('b', 1)), at(3, 8, swapRefused('c', 1, 2))],
    ],
    ['a key comes back above its last version', [at(0, 1, put('a', 1)), at(2, 3, remove(1)), at(4, 5, put('b', 2))]],
  ])('%s: is linearizable', (_, history) => {
    expect(outcome(history)).toBe('linearizable')
    expect(bruteForce(history, versions)).toBe(true)
  })

  test.each<[string, Operation<KvAction>[]]>([
    ['a stale read', [at(0, 1, put('a', 1)), at(2, 3, put('b', 2)), at(4, 5, get('a', 1))]],
    [
      'two reads go back in time beside a write',
      [at(0, 1, put('a', 1)), at(2, 9, put('b', 2)), at(3, 4, get('b', 2)), at(5, 6, get('a', 1))],
    ],
    ['a write that was lost', [at(0, 1, put('a', 1)), at(2, 3, getAbsent)]],
    ['a lost update', [at(0, 1, put('a', 1)), at(2, 9, swap('b', 1)), at(3, 8, swap('c', 1))]],
    ['a write applied twice', [at(0, 1, put('a', 1)), at(2, 3, put('b', 2)), at(4, 5, get('b', 3))]],
    [
      'an unknown write applied twice',
      [at(0, 1, put('a', 1)), at(2, NEVER, putUnknown('b')), at(4, 5, get('b', 2)), at(6, 7, get('b', 3))],
    ],
    [
      'an unknown write that comes again after it was overwritten',
      [at(0, 1, put('a', 1)), at(2, NEVER, putUnknown('b')), at(4, 5, put('c', 3)), at(6, 7, get('b', 4))],
    ],
    ['an effect before its call', [at(0, 1, get('a', 1)), at(2, NEVER, putUnknown('a'))]],
    ['a value that nobody wrote', [at(0, 1, put('a', 1)), at(2, 3, get('x', 1))]],
    ['a refusal that shows the version it wanted', [at(0, 1, put('a', 1)), at(2, 3, swapRefused('b', 1, 1))]],
    ['a key that comes back at a version it had', [at(0, 1, put('a', 1)), at(2, 3, remove(1)), at(4, 5, put('b', 1))]],
  ])('%s: is a violation', (_, history) => {
    expect(outcome(history)).toBe('violation')
    expect(bruteForce(history, versions)).toBe(false)
  })
})

test('where other keys of the group are deleted, a key may begin anywhere above its last version', () => {
  const history = [at(0, 1, put('a', 7)), at(2, NEVER, { kind: 'delete' }), at(3, 4, put('b', 10))]
  expect(check(kvModel('shared'), history).outcome).toBe('linearizable')
  expect(check(kvModel('own'), history).outcome).toBe('violation')
})

test('a violation shows how far an order was found, and what does not fit behind it', () => {
  const history = [at(0, 1, put('a', 1)), at(2, 3, put('b', 2)), at(4, 6, get('a', 1)), at(5, 7, getAbsent)]
  const { deepest } = check(kvModel('own'), history)
  expect(deepest?.order).toEqual(history.slice(0, 2))
  expect(deepest?.state).toEqual({ value: 'b', version: 2, exact: true })
  expect(deepest?.candidates).toEqual(history.slice(2))
})

test('a search that takes too long says so', () => {
  expect(check(kvModel('own'), [at(0, 1, put('a', 1)), at(2, 3, put('b', 2))], 1).outcome).toBe('undecided')
})

const shape = fc.record({
  seed: fc.nat(),
  versions: fc.constantFrom('own' as const, 'shared' as const),
  overlap: fc.constantFrom(0.5, 1.5, 3),
  unknown: fc.constantFrom(0, 0.2, 0.5),
})

test('a sequential run that was made concurrent is linearizable', () => {
  fc.assert(
    fc.property(shape, fc.integer({ min: 1, max: 60 }), (options, operations) => {
      const history = randomHistory({ ...options, operations })
      expect(check(kvModel(options.versions), history).outcome).toBe('linearizable')
    }),
    { seed: 1, numRuns: 500 },
  )
})

test('with a wrong answer it is judged as by trying all orders', () => {
  let violations = 0
  fc.assert(
    fc.property(shape, fc.integer({ min: 2, max: 6 }), fc.nat(), (options, operations, mutation) => {
      const history = withOneWrongAnswer(randomHistory({ ...options, operations }), mutation)
      const expected = bruteForce(history, options.versions)
      if (!expected) violations++
      expect(check(kvModel(options.versions), history).outcome).toBe(expected ? 'linearizable' : 'violation')
    }),
    { seed: 2, numRuns: 3_000 },
  )
  // Otherwise the comparison would be about histories that are all good.
  expect(violations).toBeGreaterThan(500)
})

test('a long history costs a few steps for each of its operations', () => {
  for (const seed of [1, 2, 3, 4]) {
    const options = { seed, operations: 5_000, versions: 'shared', overlap: 6, unknown: 0 } as const
    const { outcome, steps } = check(kvModel('shared'), randomHistory(options))
    expect(outcome).toBe('linearizable')
    expect(steps).toBeLessThan(options.operations * 50)
  }
})
