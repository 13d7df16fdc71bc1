import { parseArgs } from 'node:util'
import { Coverage } from './coverage.js'
import { faultName } from './faults.js'
import { type PlanOverrides, planRun } from './plan.js'
import { printPlanted } from './planted/table.js'
import { planRejoin, runRejoin } from './rejoin.js'
import { brokenRule, runSeed, type SeedResult } from './run-seed.js'
import { shrink } from './shrink.js'
import { planTakeover, runTakeover } from './takeover.js'

/**
 * `npm run sim -- --seed 7 --nodes 5 --groups 2 --steps 20000` runs one seed; without `--seed`, new seeds from
 * `--first-seed` on until `--steps` steps are done in all, or for `--minutes`. Exits 1 at the first seed that breaks a
 * rule, and if a long run has not met every fault often enough.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    'first-seed': { type: 'string' },
    nodes: { type: 'string' },
    groups: { type: 'string' },
    steps: { type: 'string', default: '20000' },
    'steps-per-seed': { type: 'string', default: '20000' },
    /** Instead of `--steps`; seeds that no run before had, unless `--first-seed` says otherwise. */
    minutes: { type: 'string' },
    /** Leaves out the faults that a failing seed does not need. */
    shrink: { type: 'boolean', default: false },
    /** A leader that is paused, instead of random faults. */
    takeover: { type: 'boolean', default: false },
    /** A node that was away until what it needs of the log is trimmed. */
    rejoin: { type: 'boolean', default: false },
    trace: { type: 'string', default: '120' },
    /** Runs on past failing seeds and only counts them. */
    all: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    planted: { type: 'boolean', default: false },
    find: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})

/** A run of this length has to meet every pair of message and fault. */
const LONG_STEPS = 10_000_000
const MAX_SHRINK_RUNS = 2000

function optional(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

function report(result: SeedResult, overrides: PlanOverrides): void {
  const shape = `${overrides.nodes ? ` --nodes ${overrides.nodes}` : ''}${overrides.groups ? ` --groups ${overrides.groups}` : ''}`
  printTrace(result)
  console.log(
    `seed ${result.seed} after ${result.steps} steps, ${result.virtualMs.toFixed(0)} virtual ms: ${result.violation}`,
  )
  const what = values.takeover ? '--takeover ' : values.rejoin ? '--rejoin ' : ''
  console.log(`replay: npm run sim -- ${what}--seed ${result.seed} --steps ${overrides.steps}${shape}`)
}

function printTrace({ trace }: SeedResult): void {
  const lines = Number(values.trace)
  if (lines > 0) console.log(trace.slice(-lines).join('\n'))
}

/** The fewest faults with which the same rule is broken, and the trace of that run. */
function printShrunk(result: SeedResult, overrides: PlanOverrides): void {
  const rule = brokenRule(result.violation ?? '')
  const fails = (faults: SeedResult['faults']) => {
    const { violation } = runSeed(result.seed, overrides, faults)
    return violation !== undefined && brokenRule(violation) === rule
  }
  const { faults, runs } = shrink(result.faults, fails, MAX_SHRINK_RUNS)
  const smallest = runSeed(result.seed, overrides, faults)
  printTrace(smallest)
  console.log(`${faults.length} of ${result.faults.length} faults are enough to break ${rule} (${runs} runs):`)
  for (const fault of faults) console.log(`  ${faultName(fault)}`)
  console.log(`after ${smallest.steps} steps, ${smallest.virtualMs.toFixed(0)} virtual ms: ${smallest.violation}`)
}

function sum(into: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [key, count] of from) into.set(key, (into.get(key) ?? 0) + count)
}

function list(title: string, counts: ReadonlyMap<string, number>): void {
  const items = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, n]) => `${key} ${n}`)
  console.log(`${title}: ${items.join(', ')}`)
}

/** False if this was a long run, and too little was met. */
function printCoverage(coverage: Coverage, steps: number): boolean {
  if (!values.quiet) console.log(coverage.lines().join('\n'))
  const missing = coverage.missing()
  if (steps < LONG_STEPS || missing.length === 0) return true
  console.log(`met too rarely in ${steps} steps: ${missing.join(', ')}`)
  return false
}

function chosenScenario() {
  if (values.takeover) return [planTakeover, runTakeover] as const
  if (values.rejoin) return [planRejoin, runRejoin] as const
  return [planRun, runSeed] as const
}

function main(): number {
  const single = values.seed !== undefined
  const minutes = optional(values.minutes)
  const total = minutes === undefined ? Number(values.steps) : Number.POSITIVE_INFINITY
  const steps = single ? total : Math.min(total, Number(values['steps-per-seed']))
  const overrides = { nodes: optional(values.nodes), groups: optional(values.groups), steps }
  const [plan, run] = chosenScenario()
  const outcomes = new Map<string, number>()
  const coverage = new Coverage()
  const began = performance.now()
  const end = minutes === undefined ? Number.POSITIVE_INFINITY : began + minutes * 60_000
  const first = Number(
    values.seed ?? values['first-seed'] ?? (minutes === undefined ? 1 : Math.floor(Date.now() / 100)),
  )
  let [done, seeds, crashes, failures] = [0, 0, 0, 0]
  for (let seed = first; done < total && performance.now() < end; seed++) {
    const result = run(seed, overrides)
    done += result.steps
    crashes += result.crashes
    seeds++
    sum(outcomes, result.outcomes)
    coverage.add(result.coverage)
    if (single && !values.quiet) console.log(JSON.stringify(plan(seed, overrides)))
    if (result.violation !== undefined) {
      failures++
      if (values.all) console.log(`seed ${seed}: ${result.violation.split('\n')[0]}`)
      else if (values.shrink) printShrunk(result, overrides)
      else report(result, overrides)
      if (!values.all) break
    }
    if (single) break
  }
  const seconds = (performance.now() - began) / 1000
  const isCovered = values.takeover || values.rejoin || printCoverage(coverage, done)
  if (!values.quiet) list('operations', outcomes)
  console.log(
    `${seeds} seeds from ${first}, ${done} steps, ${crashes} crashes in ${seconds.toFixed(1)} s: ` +
      `${Math.round(done / seconds)} steps/s, ${failures} failed`,
  )
  return failures === 0 && isCovered ? 0 : 1
}

if (values.planted) process.exitCode = printPlanted(values.find, values.only, 6_000_000) ? 0 : 1
else process.exitCode = main()
