import { expect, test } from '@jest/globals'
import type { Fault } from './faults.js'
import { PLANTED_BUGS } from './planted/bugs.js'
import { runPlanted } from './planted/plant.js'
import { shrink } from './shrink.js'

const faults: readonly Fault[] = Array.from({ length: 200 }, (_, n) => ({
  site: `accept ${n} from 1 to 2`,
  what: 'lost',
  args: [],
}))

test('what remains is what the failure needs, in its order', () => {
  const needed = [faults[3], faults[120], faults[121]]
  const { faults: kept, runs } = shrink(faults, (some) => needed.every((fault) => some.includes(fault as Fault)), 1000)
  expect(kept).toEqual(needed)
  expect(runs).toBeLessThan(150)
})

test('a failure that needs no fault keeps none', () => {
  expect(shrink(faults, () => true, 1000)).toEqual({ faults: [], runs: 1 })
})

test('it stops at the bound', () => {
  const { faults: kept, runs } = shrink(faults, (some) => some.length === faults.length, 50)
  expect(kept).toEqual(faults)
  expect(runs).toBeLessThanOrEqual(50)
})

/** Nothing but a crash makes a life begin in which a ballot could be used again. */
test('of a ballot used again after a restart, a crash remains', () => {
  const bug = PLANTED_BUGS.find(({ name }) => name === 'a ballot used again after a restart')
  if (!bug) throw new Error('no such bug')
  const { stdout, status } = runPlanted(bug, ['--seed', String(bug.seed), '--shrink', '--trace', '5'])
  expect(status).toBe(1)
  const [, kept, all] = /^(\d+) of (\d+) faults are enough to break (.*) \(\d+ runs\):$/m.exec(stdout) ?? []
  const names = stdout.match(/^ {2}\S.*$/gm) ?? []
  expect(names).toHaveLength(Number(kept))
  expect(Number(all)).toBeGreaterThan(20)
  expect(Number(kept)).toBeLessThanOrEqual(3)
  expect(names.join('\n')).toMatch(/crash|disk error/)
})
