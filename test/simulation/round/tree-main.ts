import { parseArgs } from 'node:util'
import { planRounds } from './plan.js'
import { RoundWorld } from './round-world.js'

/** What `main.ts` starts over a tree whose stores have simulated disks. Exits 1 at the first seed that breaks a rule. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    'first-seed': { type: 'string', default: '1' },
    seeds: { type: 'string', default: '20' },
    rounds: { type: 'string' },
    nodes: { type: 'string' },
    minutes: { type: 'string' },
    'bad-disks': { type: 'boolean', default: false },
    trace: { type: 'string', default: '80' },
    /** Runs on past failing seeds and only counts them. */
    all: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
})

function optional(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

function add(into: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [key, count] of from) into.set(key, (into.get(key) ?? 0) + count)
}

function table(title: string, counts: ReadonlyMap<string, number>): void {
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
  console.log(`${title}: ${sorted.map(([key, count]) => `${key} ${count}`).join(', ')}`)
}

function main(): number {
  const overrides = {
    nodes: optional(values.nodes),
    rounds: optional(values.rounds),
    badDisks: values['bad-disks'],
  }
  const first = Number(values.seed ?? values['first-seed'])
  const seeds = values.seed === undefined ? Number(values.seeds) : 1
  const endsAt = values.minutes === undefined ? undefined : performance.now() + Number(values.minutes) * 60_000
  const [outcomes, hits] = [new Map<string, number>(), new Map<string, number>()]
  let [run, rounds, steps, failures] = [0, 0, 0, 0]
  const began = performance.now()
  for (let seed = first; endsAt === undefined ? run < seeds : performance.now() < endsAt; seed++) {
    const plan = planRounds(seed, overrides)
    const world = new RoundWorld(plan)
    let violation: unknown
    try {
      world.run()
    } catch (error) {
      violation = error
    }
    run++
    rounds += world.rounds
    steps += world.observer.steps
    add(outcomes, world.workload.outcomes)
    add(hits, world.hits)
    add(hits, world.network.hits)
    if (violation === undefined) continue
    failures++
    const what = violation instanceof Error ? (values.all ? violation.message : violation.stack) : String(violation)
    if (!values.all) {
      console.log(world.traceLines().slice(-Number(values.trace)).join('\n'))
      console.log(JSON.stringify(plan))
    }
    console.log(`seed ${seed} after ${world.rounds} rounds, ${world.queue.now.toFixed(0)} virtual ms: ${what}`)
    if (values.all) continue
    const shape = (['rounds', 'nodes'] as const).map((name) => (values[name] ? ` --${name} ${values[name]}` : ''))
    if (values['bad-disks']) shape.push(' --bad-disks')
    console.log(`replay: npm run sim:round -- --seed ${seed}${shape.join('')}`)
    break
  }
  const seconds = (performance.now() - began) / 1000
  if (!values.quiet) {
    table('operations', outcomes)
    table('faults and messages', hits)
  }
  console.log(
    `${run} seeds, ${rounds} rounds, ${steps} steps in ${seconds.toFixed(1)} s: ` +
      `${Math.round(steps / seconds)} steps/s, ${failures} failed`,
  )
  return failures === 0 ? 0 : 1
}

process.exitCode = main()
