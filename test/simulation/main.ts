import { parseArgs } from 'node:util'
import { type PlanOverrides, planRun } from './plan.js'
import { printPlanted } from './planted/table.js'
import { runSeed, type SeedResult } from './run-seed.js'
import { planTakeover, runTakeover } from './takeover.js'

/**
 * `npm run sim -- --seed 7 --nodes 5 --groups 2 --steps 20000` runs one seed; without `--seed`, new seeds from
 * `--first-seed` on until `--steps` steps are done in all. Exits 1 at the first seed that breaks a rule.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    'first-seed': { type: 'string', default: '1' },
    nodes: { type: 'string' },
    groups: { type: 'string' },
    steps: { type: 'string', default: '20000' },
    'steps-per-seed': { type: 'string', default: '20000' },
    /** A leader that is paused, instead of random faults. */
    takeover: { type: 'boolean', default: false },
    trace: { type: 'string', default: '120' },
    /** Runs on past failing seeds and only counts them. */
    all: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    planted: { type: 'boolean', default: false },
    find: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})

function optional(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

function report(result: SeedResult, overrides: PlanOverrides): void {
  const shape = `${overrides.nodes ? ` --nodes ${overrides.nodes}` : ''}${overrides.groups ? ` --groups ${overrides.groups}` : ''}`
  console.log(result.trace.slice(-Number(values.trace)).join('\n'))
  console.log(
    `seed ${result.seed} after ${result.steps} steps, ${result.virtualMs.toFixed(0)} virtual ms: ${result.violation}`,
  )
  const what = values.takeover ? '--takeover ' : ''
  console.log(`replay: npm run sim -- ${what}--seed ${result.seed} --steps ${overrides.steps}${shape}`)
}

function sum(into: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [key, count] of from) into.set(key, (into.get(key) ?? 0) + count)
}

function table(title: string, counts: ReadonlyMap<string, number>): void {
  console.log(
    `${title}: ${[...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, n]) => `${key} ${n}`)
      .join(', ')}`,
  )
}

function main(): number {
  const shape = { nodes: optional(values.nodes), groups: optional(values.groups) }
  const total = Number(values.steps)
  const single = values.seed !== undefined
  const overrides = { ...shape, steps: single ? total : Math.min(total, Number(values['steps-per-seed'])) }
  const [plan, run] = values.takeover ? [planTakeover, runTakeover] : [planRun, runSeed]
  const outcomes = new Map<string, number>()
  const hits = new Map<string, number>()
  let [steps, seeds, crashes, failures] = [0, 0, 0, 0]
  const began = performance.now()
  for (let seed = Number(values.seed ?? values['first-seed']); steps < total; seed++) {
    const result = run(seed, overrides)
    steps += result.steps
    crashes += result.crashes
    seeds++
    sum(outcomes, result.outcomes)
    sum(hits, result.hits)
    if (single && !values.quiet) console.log(JSON.stringify(plan(seed, overrides)))
    if (result.violation !== undefined) {
      failures++
      if (values.all) console.log(`seed ${seed}: ${result.violation.split('\n')[0]}`)
      else report(result, overrides)
      if (!values.all) break
    }
    if (single) break
  }
  const seconds = (performance.now() - began) / 1000
  if (!values.quiet) {
    table('operations', outcomes)
    table('faults', hits)
  }
  console.log(
    `${seeds} seeds, ${steps} steps, ${crashes} crashes in ${seconds.toFixed(1)} s: ` +
      `${Math.round(steps / seconds)} steps/s, ${failures} failed`,
  )
  return failures === 0 ? 0 : 1
}

if (values.planted) process.exitCode = printPlanted(values.find, values.only, 6_000_000) ? 0 : 1
else process.exitCode = main()
