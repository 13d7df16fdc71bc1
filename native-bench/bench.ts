// npm run bench: a cluster of real processes on loopback, each with its log on disk, under load.
import { agreementLine } from './agreement.js'
import { type BenchProgram, benchProgram } from './bench-program.js'
import { interruptible, runProgram } from './interrupt.js'
import { runLine } from './medians.js'
import { figuresTable } from './report.js'
import { runTitle } from './runs.js'
import { configurationLines } from './series/configuration-lines.js'
import { labelOf, variedNames } from './series/configurations.js'
import { appendRecord, type RunRecord } from './series/run-record.js'
import { isSound, runSeries } from './series/series.js'

const log = (line: string): void => console.log(line)

async function run(program: BenchProgram, signal: AbortSignal): Promise<RunRecord[]> {
  const { planned, rounds, jsonl } = program
  const records: RunRecord[] = []
  const count = planned.length * rounds
  const varied = variedNames(planned)
  log(count === 1 ? runTitle(planned[0]!.options) : `${count} runs; the first: ${runTitle(planned[0]!.options)}`)
  for await (const record of runSeries(planned, rounds, signal, count === 1 ? log : () => undefined)) {
    records.push(record)
    if (jsonl !== undefined) appendRecord(jsonl, record)
    const { subject, options, figures, agreement } = record
    if (count === 1) log(`\n${figuresTable(figures)}\n`)
    else log(`${records.length}/${count} ${subject} ${labelOf(options, varied)}\n  ${runLine(figures)}`)
    if (agreement !== undefined) log(`${count === 1 ? '' : '  '}${agreementLine(agreement, options.nodes)}`)
  }
  return records
}

async function main(): Promise<boolean> {
  const program = benchProgram(process.argv.slice(2))
  const records = await run(program, interruptible())
  const agree = records.every(isSound)
  if (records.length > 1) log(`\n${configurationLines(records)}`)
  const [only] = records
  if (program.json) {
    const single = records.length === 1 ? { ...only!.figures, options: only!.options } : { runs: records }
    log(JSON.stringify({ ...single, agree }))
  }
  return agree
}

await runProgram(main)
