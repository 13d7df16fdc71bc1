import { expect, test } from '@jest/globals'
import { fallen, recordedRatios, SMOKE_ROWS, smokeTable, TOLERANCE } from '../../native-bench/smoke-rows.js'

test('a row has fallen when it is lower by more than the tolerance', () => {
  const recorded = { a: 0.8, b: 0.8 }
  const edge = 0.8 * (1 - TOLERANCE)
  expect(fallen({ a: edge - 0.001, b: edge + 0.001, unknown: 0.01 }, recorded)).toEqual(['a'])
  expect(smokeTable({ a: 0.6, b: 0.88, unknown: 0.5 }, recorded)).toEqual([
    ['a', '0.60, on record 0.80 (-25 %)  FELL'],
    ['b', '0.88, on record 0.80 (+10 %)'],
    ['unknown', '0.50, none on record'],
  ])
})

test('every row is on record', () => {
  expect(Object.keys(recordedRatios()).sort()).toEqual(SMOKE_ROWS.map(({ name }) => name).sort())
})
