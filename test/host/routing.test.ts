import { expect, test } from '@jest/globals'
import { routeKey } from '../../src/host/routing.js'

// Where the keys of a living cluster are: a change of any of these loses every key of every user.
test.each([
  ['', 16, 11],
  ['a', 16, 3],
  ['user:42', 16, 2],
  ['user:43', 16, 6],
  ['schlüssel', 1_000, 99],
  ['日本', 7, 5],
])('%j of %i groups has its place for ever', (key, groups, index) => {
  expect(routeKey(key, groups)).toBe(index)
})

test('text and its bytes are the same key', () => {
  expect(routeKey(Buffer.from('schlüssel'), 1_000)).toBe(routeKey('schlüssel', 1_000))
})

test('similar keys are spread evenly', () => {
  const counts = new Array<number>(16).fill(0)
  for (let i = 0; i < 16_000; i++) counts[routeKey(`user:${i}`, 16)]!++
  expect(Math.min(...counts)).toBeGreaterThan(850)
  expect(Math.max(...counts)).toBeLessThan(1_150)
})
