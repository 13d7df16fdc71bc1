import type { Command } from 'commander'
import { type BenchOptions, parseOrExit, refuse, runCommand, runOptionsOf, whole } from './bench-options.js'
import { floorRefusal } from './runs.js'
import { addDimension, combinations, type Dimension } from './series/matrix.js'
import type { PlannedRun } from './series/series.js'

/** What `npm run bench` is asked for: which runs, how often, and where their figures go. */
export interface BenchProgram {
  readonly planned: readonly PlannedRun[]
  readonly rounds: number
  readonly json: boolean
  readonly jsonl: string | undefined
}

function benchCommand(): Command {
  return runCommand('bench', 'A cluster of real processes on loopback, each with its log on disk, under load.')
    .option(
      '--matrix <option=values>',
      'every combination of these values: groups=1,2,4 (may be repeated)',
      addDimension,
    )
    .option('--floor', 'the same load on the floor after each run, for their ratio', false)
    .option('--rounds <n>', 'turns of all runs: A B A B', whole(1, 100), 1)
    .option('--jsonl <file>', 'append one JSON object per run')
    .option('--json', 'one JSON object as the last line', false)
}

export function benchProgram(args: readonly string[]): BenchProgram {
  const command = parseOrExit(benchCommand(), args)
  const { matrix = [], floor, ...rest } = command.opts<BenchProgram & { matrix?: Dimension[]; floor: boolean }>()
  const runs = runCommand('', '').options.map(({ long }) => long)
  const unknown = matrix.find(({ name }) => !runs.includes(`--${name}`))
  if (unknown !== undefined) refuse(command, `--matrix takes an option of a run, got ${unknown.name}`)
  const planned = combinations(matrix).flatMap((combination): PlannedRun[] => {
    const options = runOptionsOf(parseOrExit(benchCommand(), [...args, ...combination]))
    return floor ? [{ subject: 'runtime', options }, onFloor(command, options)] : [{ subject: 'runtime', options }]
  })
  return { ...rest, planned }
}

function onFloor(command: Command, options: BenchOptions): PlannedRun {
  const refusal = floorRefusal(options)
  if (refusal !== undefined) refuse(command, `--floor: ${refusal}`)
  return { subject: 'floor', options }
}
