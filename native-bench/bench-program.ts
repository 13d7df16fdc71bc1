import type { Command } from 'commander'
import { parseOrExit, refuse, runCommand, runOptionsOf, whole } from './bench-options.js'
import { floorRefusal } from './runs.js'
import { addDimension, combinations, type Dimension } from './series/matrix.js'
import { PERFORMANCE_ROWS } from './series/performance-rows.js'
import { plannedRuns, rowsNamed } from './series/performance-table.js'
import type { PlannedRun } from './series/series.js'

/** What `npm run bench` is asked for: which runs, how often, and where their figures go. */
export interface BenchProgram {
  /** Runs that are alternated; what is not to be compared stands in different lists. */
  readonly planned: readonly (readonly PlannedRun[])[]
  readonly rounds: number
  readonly json: boolean
  readonly jsonl: string | undefined
  readonly report: string | undefined
}

interface Given extends Omit<BenchProgram, 'planned'> {
  readonly matrix?: readonly Dimension[]
  readonly floor: boolean
  readonly table?: string | true
}

/** What of a run may be told to the rows of the table, which know the rest themselves. */
const WITH_TABLE = ['table', 'seconds', 'warmUp', 'data', 'rounds', 'jsonl', 'report', 'json']

function benchCommand(): Command {
  return runCommand('bench', 'A cluster of real processes on loopback, each with its log on disk, under load.')
    .option(
      '--matrix <option=values>',
      'every combination of these values: groups=1,2,4 (may be repeated)',
      addDimension,
    )
    .option('--floor', 'the same load on the floor after each run, for their ratio', false)
    .option('--table [words]', 'the rows of the performance table instead, or those whose name holds the words')
    .option('--rounds <n>', 'turns of all runs: A B A B', whole(1, 100), 1)
    .option('--jsonl <file>', 'append one JSON object per run')
    .option('--report <file>', 'an HTML page with charts of all runs')
    .option('--json', 'one JSON object as the last line', false)
}

/** Ends the program with a message and status 2 if they are wrong. */
export function benchProgram(args: readonly string[]): BenchProgram {
  const command = parseOrExit(benchCommand(), args)
  const { matrix, floor, table, ...rest } = command.opts<Given>()
  const planned =
    table === undefined
      ? [combinedRuns(command, args, matrix ?? [], floor)]
      : tableRuns(command, table === true ? '' : table)
  return { ...rest, planned }
}

function combinedRuns(
  command: Command,
  args: readonly string[],
  matrix: readonly Dimension[],
  floor: boolean,
): PlannedRun[] {
  const known = runCommand('', '').options.map(({ long }) => long)
  const unknown = matrix.find(({ name }) => !known.includes(`--${name}`))
  if (unknown !== undefined) refuse(command, `--matrix takes an option of a run, got ${unknown.name}`)
  return combinations(matrix).flatMap((combination): PlannedRun[] => {
    const options = runOptionsOf(parseOrExit(benchCommand(), [...args, ...combination]))
    if (!floor) return [{ subject: 'runtime', options }]
    const refusal = floorRefusal(options)
    if (refusal !== undefined) refuse(command, `--floor: ${refusal}`)
    return [
      { subject: 'runtime', options },
      { subject: 'floor', options },
    ]
  })
}

function tableRuns(command: Command, words: string): PlannedRun[][] {
  const other = command.options
    .map((option) => option.attributeName())
    .find((name) => command.getOptionValueSource(name) === 'cli' && !WITH_TABLE.includes(name))
  if (other !== undefined) refuse(command, `--table has runs of its own, and takes no --${other}`)
  const rows = rowsNamed(words)
  if (rows.length === 0) {
    refuse(
      command,
      `no row is named so: ${words}. There are\n  ${PERFORMANCE_ROWS.map(({ name }) => name).join('\n  ')}`,
    )
  }
  return rows.map((row) => plannedRuns(row, runOptionsOf(command)))
}
