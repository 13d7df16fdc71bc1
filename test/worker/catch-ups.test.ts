import { expect, test } from '@jest/globals'
import { allocateTally, Tally } from '../../src/ring/tally.js'
import { CatchUps } from '../../src/worker/catch-ups.js'

function twoWorkers() {
  const tally = new Tally(allocateTally(2))
  const life = (worker: number) => new CatchUps(tally, worker, 1000)
  return { one: life(0), other: life(1), life }
}

test('all groups of the node that catch up share its rate, and a lone one has all of it', () => {
  const { one, other } = twoWorkers()
  expect(one.costMs(500)).toBe(500)
  for (const group of [3, 5, 3]) one.note(group, true)
  expect(one.costMs(500)).toBe(1000)
  other.note(4, true)
  expect([one, other].map((worker) => worker.sharers)).toEqual([3, 3])
  expect(other.costMs(500)).toBe(1500)
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
