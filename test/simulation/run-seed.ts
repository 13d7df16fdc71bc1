import type { Coverage } from './coverage.js'
import type { Fault } from './faults.js'
import { type PlanOverrides, planRun } from './plan.js'
import { World } from './world.js'

export interface SeedResult {
  readonly seed: number
  readonly steps: number
  readonly virtualMs: number
  readonly crashes: number
  /** Undefined if every rule held. */
  readonly violation: string | undefined
  readonly trace: string[]
  readonly outcomes: ReadonlyMap<string, number>
  readonly coverage: Coverage
  readonly faults: readonly Fault[]
}

/** With `again`, those faults happen and no others. */
export function runSeed(seed: number, overrides: PlanOverrides, again?: readonly Fault[]): SeedResult {
  const world = new World(planRun(seed, overrides), again)
  return seedResult(seed, world, () => world.run())
}

/** Carries out `run` in `world`, and says what became of it. */
export function seedResult(seed: number, world: World, run: () => void): SeedResult {
  let violation: string | undefined
  let trace: string[] = []
  try {
    run()
  } catch (error) {
    violation = error instanceof Error ? (error.stack ?? error.message) : String(error)
    trace = world.trace.lines()
  }
  return {
    seed,
    steps: world.steps,
    virtualMs: world.queue.now,
    crashes: world.crashes,
    violation,
    trace,
    outcomes: world.workload.outcomes,
    coverage: world.coverage,
    faults: world.schedule.happened,
  }
}

/** What was broken, without the numbers in which two runs differ. */
export function brokenRule(violation: string): string {
  const message = violation.split('\n')[0] ?? ''
  const rule = /rule \d+/.exec(message)?.[0]
  return rule ?? message.replace(/\d+(\.\d+)?/g, 'N')
}
