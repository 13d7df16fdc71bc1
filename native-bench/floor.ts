// npm run bench:floor: what the machine gives to this path without a protocol, and with --against what the runtime makes of it.
import { agreementLine } from './agreement.js'
import { type BenchOptions, parseBenchOptions } from './bench-options.js'
import { interruptible, runProgram } from './interrupt.js'
import type { Figures } from './measure.js'
import { median, rate, runLine, summary, summaryLine, sumOfErrors } from './medians.js'
import type { PartRow } from './parts/part.js'
import { partLine, partRows } from './parts/part-rows.js'
import { figuresTable, table } from './report.js'
import { runFloor, runRuntime } from './runs.js'
import { makeWorkDir, removeWorkDir } from './work-dir.js'

const log = (line: string): void => console.log(line)

async function floorAlone(options: BenchOptions, signal: AbortSignal): Promise<boolean> {
  const figures = await runFloor(options, signal, log)
  log(`\n${figuresTable(figures)}`)
  if (options.json) log(JSON.stringify({ ...figures, options }))
  return true
}

/** A B A B ...: the machine's mood changes from minute to minute, and so hits both alike. */
async function alternate(options: BenchOptions, signal: AbortSignal): Promise<boolean> {
  const runtime: Figures[] = []
  const floor: Figures[] = []
  let agree = true
  for (let round = 1; round <= options.rounds; round++) {
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
  if (options.json) log(JSON.stringify({ ...result, agree, errors: sumOfErrors(runtime), options }))
  return agree
}

async function partByPart({ data, json }: BenchOptions): Promise<boolean> {
  const directory = makeWorkDir('parts', data)
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
  const options = parseBenchOptions(process.argv.slice(2), true)
  const signal = interruptible()
  if (options.parts) return partByPart(options)
  const { nodes, groups, callers, bytes, seconds, against } = options
  log(`${nodes} processes, ${groups} groups, ${callers} callers, ${bytes} B, ${seconds} s`)
  return against ? alternate(options, signal) : floorAlone(options, signal)
}

await runProgram(main)
