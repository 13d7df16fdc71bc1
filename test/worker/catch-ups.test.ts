import { expect, test } from '@jest/globals'
import { MAX_PART_BYTES } from '../../src/codec/limits.js'
import { allocateTally, Tally } from '../../src/ring/tally.js'
import { CatchUps } from '../../src/worker/catch-ups.js'

function twoWorkers() {
  const tally = new Tally(allocateTally(2))
  const rate = { fetchBytesPerSecond: 4 * MAX_PART_BYTES, fetchWindow: 4, fetchHoldMs: 20_000 }
  const life = (worker: number) => new CatchUps(tally, worker, rate)
  return { one: life(0), other: life(1), life }
}

test('all groups of the node that catch up share its rate, and a lone one has all of it', () => {
  const { one, other } = twoWorkers()
  expect(one.loadMs(MAX_PART_BYTES, 10)).toBe(250)
  for (const group of [3, 5, 3]) one.note(group, true)
  expect(one.loadMs(MAX_PART_BYTES, 10)).toBe(500)
  other.note(4, true)
  expect([one, other].map((worker) => worker.sharers)).toEqual([3, 3])
  expect(other.loadMs(MAX_PART_BYTES, 10)).toBe(750)
  one.note(3, false)
  one.note(7, false)
  expect(other.sharers).toBe(2)
})

test('what a former life of a worker had under way is forgotten with the next one', () => {
  const { one, other, life } = twoWorkers()
  for (const group of [1, 2, 3]) one.note(group, true)
  other.note(4, true)
  expect(other.sharers).toBe(4)
  life(0)
  expect(other.sharers).toBe(1)
})

test('none gets so slow that its peers give up the log behind the checkpoint', () => {
  const { one } = twoWorkers()
  for (let group = 0; group < 100; group++) one.note(group, true)
  // A window of four parts takes a second, and may take a quarter of the 20 s.
  expect(one.sharers).toBe(5)
  expect(one.loadMs(MAX_PART_BYTES, 4)).toBe(1250)
  // The whole is loaded in half of them.
  expect(one.loadMs(MAX_PART_BYTES, 1000)).toBe(10)
})
