import { expect, test } from '@jest/globals'
import { allocateTally, Tally } from '../../src/ring/tally.js'

test('each worker has its own number, and everybody the sum of the latest ones', () => {
  const memory = allocateTally(3)
  const [one, other] = [new Tally(memory), new Tally(memory)]
  one.set(0, 2)
  one.set(2, 5)
  expect(other.total).toBe(7)
  other.set(2, 1)
  expect(one.total).toBe(3)
})

test('a worker that it was not made for is refused', () => {
  expect(() => allocateTally(0)).toThrow(RangeError)
  const tally = new Tally(allocateTally(2))
  for (const worker of [-1, 2]) expect(() => tally.set(worker, 1)).toThrow(RangeError)
  expect(tally.total).toBe(0)
})
