import { afterAll, expect, test } from '@jest/globals'
import { PLANTED_ROUND_BUGS } from './bugs.js'
import { type Catch, catchBug, TABLE_HEAD, tableLine } from './catch.js'

/** From its named seed on: the next few as well, so that a change of the program does not shift the one that is needed. */
const MAX_SEEDS = 40

const rows: Catch[] = []

test.each(PLANTED_ROUND_BUGS.map((bug) => [bug.name, bug] as const))('%s is caught', (_name, bug) => {
  const row = catchBug(bug, bug.seed, MAX_SEEDS)
  rows.push(row)
  expect(row).toMatchObject({ caught: true })
})

afterAll(() => {
  console.log([TABLE_HEAD, ...rows.map(tableLine)].join('\n'))
})
