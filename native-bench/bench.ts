// npm run bench: a cluster of real processes on loopback, each with its log on disk, under load.
import { writeFileSync } from 'node:fs'
import { agreementLine } from './agreement.js'
import { type BenchProgram, benchProgram } from './bench-program.js'
import { reportPage } from './html/page.js'
import { interruptible, runProgram } from './interrupt.js'
import { runLine } from './medians.js'
import { figuresTable } from './report.js'
import { runTitle } from './runs.js'
import { configurationLines } from './series/configuration-lines.js'
import { labelOf, variedNames } from './series/configurations.js'
import { verdictLines, verdicts } from './series/performance-table.js'
import { appendRecord, type RunRecord } from './series/run-record.js'
import { isSound, type PlannedRun, runSeries } from './series/series.js'

const log = (line: string): void => console.log(line)

type Keep = (record: RunRecord) => void

/** One run alone is told in full. */
async function runOne(run: PlannedRun, series: string, signal: AbortSignal, keep: Keep): Promise<void> {
  log(runTitle(run.options))
  for await (const record of runSeries(series, [run], 1, signal, log)) {
    keep(record)
    log(`\n${figuresTable(record.figures)}\n`)
    if (record.agreement !== undefined) log(agreementLine(record.agreement, run.options.nodes))
  }
}

async function runAll({ planned, rounds }: BenchProgram, series: string, signal: AbortSignal, keep: Keep) {
  const count = planned.flat().length * rounds
  let done = 0
  for (const together of planned) {
    const records: RunRecord[] = []
    const varied = variedNames(together)
    log(`${together[0]!.row?.name ?? runTitle(together[0]!.options)}\n`)
    for await (const record of runSeries(series, together, rounds, signal, () => undefined)) {
      keep(record)
      records.push(record)
      const { subject, options, figures, agreement, row } = record
      log(`  ${++done}/${count}  ${row?.part ?? subject}  ${labelOf(options, varied)}\n    ${runLine(figures)}`)
      if (agreement !== undefined) log(`    ${agreementLine(agreement, options.nodes)}`)
    }
    log(`\n${configurationLines(records)}\n`)
  }
}

function lastLine(records: readonly RunRecord[], agree: boolean): object {
  const [only] = records
  if (records.length === 1) return { ...only!.figures, agree, options: only!.options }
  return { agree, rows: verdicts(records), runs: records }
}

async function main(): Promise<boolean> {
  const program = benchProgram(process.argv.slice(2))
  const { planned, rounds, jsonl, report, json } = program
  const records: RunRecord[] = []
  const keep = (record: RunRecord): void => {
    records.push(record)
    if (jsonl !== undefined) appendRecord(jsonl, record)
    // After each run: an invocation that is broken off has a report of what it did.
    if (report !== undefined) writeFileSync(report, reportPage(records))
  }
  const series = new Date().toISOString()
  const [first] = planned.flat()
  if (planned.flat().length * rounds === 1) await runOne(first!, series, interruptible(), keep)
  else await runAll(program, series, interruptible(), keep)
  const rows = verdicts(records)
  if (rows.length > 0) log(verdictLines(rows))
  const agree = records.every(isSound)
  if (json) log(JSON.stringify(lastLine(records, agree)))
  return agree
}

await runProgram(main)
