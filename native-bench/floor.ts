// npm run bench:floor: what the machine gives to this path without a protocol, and with --against what the runtime makes of it.
import { agreementLine } from './agreement.js'
import { type BenchOptions, parseOrExit, refuse, runCommand, runOptionsOf, whole } from './bench-options.js'
import { interruptible, runProgram } from './interrupt.js'
import type { Figures } from './measure.js'
import { median, rate, runLine, summary, summaryLine, sumOfErrors } from './medians.js'
import type { PartRow } from './parts/part.js'
import { partLine, partRows } from './parts/part-rows.js'
import { figuresTable, table } from './report.js'
import { floorRefusal, runFloor, runRuntime, runTitle } from './runs.js'
import { makeWorkDir, removeWorkDir } from './work-dir.js'

const log = (line: string): void => console.log(line)

interface Program {
  readonly options: BenchOptions
  readonly against: boolean
  readonly parts: boolean
  readonly rounds: number
  readonly json: boolean
}

function readProgram(): Program {
  const command = runCommand('bench:floor', 'What the machine gives to this path without a protocol.')
    .option('--against', 'measure floor and runtime by turns, and print their ratio', false)
    .option('--rounds <n>', 'turns of each', whole(1, 100), 3)
    .option('--parts', 'each part of the machine and of the path by itself, instead', false)
    .option('--json', 'one JSON object as the last line', false)
  const options = runOptionsOf(parseOrExit(command, process.argv.slice(2)))
  const complaint = floorRefusal(options)
  if (complaint !== undefined) refuse(command, complaint)
  return { ...command.opts<Omit<Program, 'options'>>(), options }
}

async function floorAlone({ options, json }: Program, signal: AbortSignal): Promise<boolean> {
  const figures = await runFloor(options, signal, log)
  log(`\n${figuresTable(figures)}`)
  if (json) log(JSON.stringify({ ...figures, options }))
  return true
}

/** A B A B ...: the machine's mood changes from minute to minute, and so hits both alike. */
async function alternate({ options, rounds, json }: Program, signal: AbortSignal): Promise<boolean> {
  const runtime: Figures[] = []
  const floor: Figures[] = []
  let agree = true
  for (let round = 1; round <= rounds; round++) {
    const { figures, agreement } = await runRuntime(options, signal, () => undefined)
    runtime.push(figures)
    log(`runtime ${round}  ${runLine(figures)}  ${agreement.agree ? 'all nodes agree' : ''}`)
    if (!agreement.agree) log(agreementLine(agreement, options.nodes))
    agree &&= agreement.agree
    floor.push(await runFloor(options, signal, () => undefined))
    log(`floor   ${round}  ${runLine(floor.at(-1)!)}`)
  }
  const result = {
    runtime: summary(runtime),
    floor: summary(floor),
    ratio: median(runtime, rate) / median(floor, rate),
  }
  log(
    `\n${table([
      ['runtime, median', summaryLine(result.runtime)],
      ['floor, median', summaryLine(result.floor)],
      ['runtime / floor', result.ratio.toFixed(2)],
    ])}`,
  )
  if (json) log(JSON.stringify({ ...result, agree, errors: sumOfErrors(runtime), options }))
  return agree
}

async function partByPart({ options, json }: Program): Promise<boolean> {
  const directory = makeWorkDir('parts', options.data)
  const rows: PartRow[] = []
  try {
    for await (const row of partRows(directory)) {
      rows.push(row)
      log(partLine(row))
    }
  } finally {
    removeWorkDir(directory)
  }
  if (json) log(JSON.stringify(rows))
  return true
}

async function main(): Promise<boolean> {
  const program = readProgram()
  const signal = interruptible()
  if (program.parts) return partByPart(program)
  log(runTitle(program.options))
  return program.against ? alternate(program, signal) : floorAlone(program, signal)
}

await runProgram(main)
