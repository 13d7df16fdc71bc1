import { expect, test } from '@jest/globals'
import { planRun, type RunPlan } from './plan.js'
import { runSeed, type SeedResult } from './run-seed.js'
import { planTakeover, runTakeover } from './takeover.js'

function expectHolds(seed: number, overrides: Parameters<typeof runSeed>[1]): void {
  expectNoViolation(runSeed(seed, overrides), planRun(seed, overrides))
}

function expectNoViolation({ violation, trace }: SeedResult, plan: RunPlan): void {
  if (violation === undefined) return
  throw new Error(`${trace.slice(-100).join('\n')}\n${JSON.stringify(plan)}\n${violation}`)
}

test.each([
  [3, 1],
  [5, 1],
  [5, 3],
  [1, 1],
])('every rule holds in whole clusters of %i nodes and %i groups', (nodes, groups) => {
  for (let seed = 1; seed <= 40; seed++) expectHolds(seed, { nodes, groups, steps: 20_000 })
})

test('a seed replays exactly', () => {
  const first = runSeed(12, { steps: 20_000 })
  const second = runSeed(12, { steps: 20_000 })
  expect([second.steps, second.virtualMs, second.crashes]).toEqual([first.steps, first.virtualMs, first.crashes])
  expect([...second.outcomes]).toEqual([...first.outcomes])
})

test('the others take over from a leader that is paused, and it finds its way back', () => {
  for (let seed = 1; seed <= 50; seed++) expectNoViolation(runTakeover(seed, {}), planTakeover(seed, {}))
})

/** Seeds that once broke a rule, by what they found. */
const KEPT: readonly (readonly [what: string, seed: number, overrides: Parameters<typeof runSeed>[1]])[] = [
  ['a leader keeps a dead tail of its own open for ever', 452, { steps: 20_000 }],
  ['the request to open a session stays queued after all that needed it ended', 62, { steps: 20_000 }],
]

for (const [what, seed, overrides] of KEPT) test(`${what} (seed ${seed})`, () => expectHolds(seed, overrides))
