import { afterAll, expect, test } from '@jest/globals'
import { PLANTED_BUGS } from './bugs.js'
import { type Catch, catchBug, TABLE_HEAD, tableLine } from './plant.js'

/** From its named seed on, ten of them: the next few as well, so that a change of the core does not shift the one needed. */
const MAX_STEPS = 200_000

const rows: Catch[] = []

test.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))('%s is caught', (_name, bug) => {
  const row = catchBug(bug, bug.seed, MAX_STEPS)
  rows.push(row)
  expect(row).toMatchObject({ caught: true })
})

afterAll(() => {
  console.log([TABLE_HEAD, ...rows.map(tableLine)].join('\n'))
})
