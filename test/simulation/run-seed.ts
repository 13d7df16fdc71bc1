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
  readonly hits: ReadonlyMap<string, number>
}

export function runSeed(seed: number, overrides: PlanOverrides): SeedResult {
  const world = new World(planRun(seed, overrides))
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
    hits: world.network.hits,
  }
}
