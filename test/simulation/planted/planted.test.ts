import { afterAll, expect, test } from '@jest/globals'
import { PLANTED_BUGS } from './bugs.js'
import { type Catch, catchBug, TABLE_HEAD, tableLine } from './plant.js'

/** From its named seed on: the next few as well, so that a change of the core does not shift the one that is needed. */
const MAX_STEPS = 1_000_000
const MAX_MS = 10_000

const rows: Catch[] = []

test.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))('%s is caught', (_name, bug) => {
  const row = catchBug(bug, bug.seed, MAX_STEPS)
  rows.push(row)
  expect(row).toMatchObject({ caught: true })
  expect(row.ms).toBeLessThan(MAX_MS)
})

afterAll(() => {
  console.log([TABLE_HEAD, ...rows.map(tableLine)].join('\n'))
})
