import { expect, test } from '@jest/globals'
import { Coverage } from './coverage.js'
import { planRun, type RunPlan } from './plan.js'
import { planRejoin, runRejoin } from './rejoin.js'
import { runSeed, type SeedResult } from './run-seed.js'
import { planTakeover, runTakeover } from './takeover.js'

function expectHolds(seed: number, overrides: Parameters<typeof runSeed>[1]): SeedResult {
  const result = runSeed(seed, overrides)
  expectNoViolation(result, planRun(seed, overrides))
  return result
}

function expectNoViolation({ violation, trace }: SeedResult, plan: RunPlan): void {
  if (violation === undefined) return
  throw new Error(`${trace.slice(-100).join('\n')}\n${JSON.stringify(plan)}\n${violation}`)
}

const LONG_TIMEOUT_MS = 600_000
const coverage = new Coverage()
let steps = 0

test.each([
  [3, 1, 5_200_000],
  [5, 1, 4_800_000],
  [5, 3, 1_700_000],
  [1, 1, 300_000],
])(
  'every rule holds in whole clusters of %i nodes and %i groups',
  (nodes, groups, wanted) => {
    const from = steps
    for (let seed = 1; steps < from + wanted; seed++) {
      const result = expectHolds(seed, { nodes, groups, steps: 20_000 })
      steps += result.steps
      coverage.add(result.coverage)
    }
  },
  LONG_TIMEOUT_MS,
)

test('in ten million steps every fault met every kind of message often enough', () => {
  console.log(coverage.lines().join('\n'))
  expect(steps).toBeGreaterThanOrEqual(10_000_000)
  expect(coverage.missing()).toEqual([])
})

test('a seed replays exactly', () => {
  const first = runSeed(12, { steps: 20_000 })
  const second = runSeed(12, { steps: 20_000 })
  expect([second.steps, second.virtualMs, second.crashes]).toEqual([first.steps, first.virtualMs, first.crashes])
  expect([...second.outcomes]).toEqual([...first.outcomes])
})

test('the faults of a run, given again, make the same run', () => {
  for (const seed of [12, 14, 15]) {
    const first = runSeed(seed, { nodes: 5, groups: 2, steps: 20_000 })
    const second = runSeed(seed, { nodes: 5, groups: 2, steps: 20_000 }, first.faults)
    expect(first.faults.length).toBeGreaterThan(100)
    expect(second.faults).toEqual(first.faults)
    expect([second.steps, second.virtualMs]).toEqual([first.steps, first.virtualMs])
    expect([...second.outcomes]).toEqual([...first.outcomes])
  }
})

test('the others take over from a leader that is paused, and it finds its way back', () => {
  for (let seed = 1; seed <= 50; seed++) expectNoViolation(runTakeover(seed, {}), planTakeover(seed, {}))
})

test('a node that was away for too long, or has lost its state, finds back by itself', () => {
  for (let seed = 1; seed <= 100; seed++) expectNoViolation(runRejoin(seed, {}), planRejoin(seed, {}))
})

/**
 * Seeds that show a defect this simulator once found in the core, by that defect. Each is also among the planted bugs, so
 * that its seed can be found again when the simulator changes.
 */
const KEPT: readonly (readonly [what: string, seed: number, overrides: Parameters<typeof runSeed>[1]])[] = [
  ['a leader keeps a dead tail of its own open for ever', 2, { steps: 20_000 }],
  ['a node without a vote that proposes here does not forward', 4, { steps: 20_000 }],
  ['a node without a vote waits for ever behind a leader it once suspected', 196, { steps: 20_000 }],
  ['a node that comes back in an idle cluster stays behind', 1, { steps: 20_000 }],
  ['the state is saved ahead of the head of its log', 1, { steps: 20_000 }],
]

for (const [what, seed, overrides] of KEPT) {
  test(`${what} (seed ${seed})`, () => {
    expectHolds(seed, overrides)
  })
}
