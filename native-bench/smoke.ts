// npm run bench:smoke: within half a minute, whether the runtime has become slower against the floor than it was.
import { Command } from 'commander'
import { agreementLine, waitForAgreement } from './agreement.js'
import { type BenchOptions, defaultRun, parseOrExit } from './bench-options.js'
import { Cluster } from './cluster.js'
import { FloorCluster } from './floor-cluster.js'
import { interruptible, runProgram } from './interrupt.js'
import { type Figures, measure } from './measure.js'
import { runLine } from './medians.js'
import { table } from './report.js'
import {
  fallen,
  record,
  recordedRatios,
  SMOKE_ROWS,
  type SmokeRatios,
  type SmokeRow,
  smokeTable,
} from './smoke-rows.js'
import { makeWorkDir, removeWorkDir } from './work-dir.js'

/** Of each row, before the turns: threads have to compile what they run. */
const FIRST_SECONDS = 1.2
const TURNS = 5
const TURN = { seconds: 0.3, warmUpSeconds: 0.1 }
const AGREE_MS = 30_000

interface Program {
  readonly record: boolean
  readonly json: boolean
}

const log = (line: string): void => console.log(line)

/** Runtime and floor side by side, each idle while the other is measured; all rows with so many groups. */
async function rowsOf(groups: number, ratios: Record<string, number>, signal: AbortSignal): Promise<boolean> {
  const dir = makeWorkDir('smoke')
  const started: (Cluster | FloorCluster)[] = []
  try {
    const options = { ...defaultRun(), groups }
    const runtime = await Cluster.start(options, dir)
    started.push(runtime)
    const floor = await FloorCluster.start(options, dir)
    started.push(floor)
    const known = { acknowledged: 0, unknown: 0 }
    for (const row of SMOKE_ROWS.filter((one) => one.groups === groups)) {
      const [ofRuntime, ofFloor] = await byTurns([runtime, floor], { ...options, ...row }, signal)
      for (const { acknowledged, unknown } of ofRuntime!) {
        known.acknowledged += acknowledged
        known.unknown += unknown
      }
      ratios[row.name] = reported(row, ofRuntime!.slice(1), ofFloor!.slice(1))
    }
    const agreement = await waitForAgreement(() => runtime.groupStates(), known, AGREE_MS)
    log(agreementLine(agreement, options.nodes))
    return agreement.agree
  } finally {
    await Promise.all(started.map((cluster) => cluster.stop()))
    removeWorkDir(dir)
  }
}

/** The runs of each subject; the first of them only warms it up. */
async function byTurns(
  subjects: readonly (Cluster | FloorCluster)[],
  options: BenchOptions,
  signal: AbortSignal,
): Promise<Figures[][]> {
  const runs: Figures[][] = subjects.map(() => [])
  for (let turn = 0; turn <= TURNS; turn++) {
    const times = turn === 0 ? { seconds: FIRST_SECONDS, warmUpSeconds: 0 } : TURN
    for (const [i, subject] of subjects.entries()) {
      runs[i]!.push(await measure(subject, { ...options, ...times }, signal, () => undefined))
    }
  }
  return runs
}

function reported({ name }: SmokeRow, runtime: readonly Figures[], floor: readonly Figures[]): number {
  log(name)
  for (const run of [...runtime, ...floor]) log(`  ${run.name.padEnd(8)} ${runLine(run)}`)
  // The two of one turn ran within a second, and met the same mood of the machine.
  const ratios = runtime.map((run, turn) => run.commandsPerSecond / floor[turn]!.commandsPerSecond)
  return ratios.sort((a, b) => a - b)[ratios.length >> 1]!
}

function program(args: readonly string[]): Program {
  const command = new Command('npm run bench:smoke --')
    .description('The runtime against the floor, by turns, beside the ratios on record: a report of half a minute.')
    .option('--record', 'put the ratios of this run on record', false)
    .option('--json', 'one JSON object as the last line', false)
    .allowExcessArguments(false)
  return parseOrExit(command, args).opts<Program>()
}

async function main(): Promise<boolean> {
  const options = program(process.argv.slice(2))
  const signal = interruptible()
  const ratios: Record<string, number> = {}
  let agree = true
  for (const groups of new Set(SMOKE_ROWS.map((row) => row.groups))) {
    agree = (await rowsOf(groups, ratios, signal)) && agree
  }
  const recorded: SmokeRatios = recordedRatios()
  log(`\nShare of the floor\n${table(smokeTable(ratios, recorded))}`)
  const low = fallen(ratios, recorded)
  if (low.length > 0) log(`\nFell below what is on record, and more than a machine moves by itself: ${low.join('; ')}`)
  if (options.record) record(ratios)
  if (options.json) log(JSON.stringify({ ratios, recorded, fallen: low, agree }))
  return agree
}

await runProgram(main)
