import type { BenchOptions } from '../bench-options.js'
import { whole } from '../measure.js'
import { type Check, PERFORMANCE_ROWS, type PerformanceRow, type RowRuns } from './performance-rows.js'
import type { RunRecord } from './run-record.js'
import type { PlannedRun } from './series.js'

export interface RowVerdict {
  readonly name: string
  readonly met: boolean
  readonly checks: readonly {
    readonly what: string
    readonly target: string
    readonly reached: string
    readonly met: boolean
  }[]
}

/** Those whose name holds `words`. */
export function rowsNamed(words: string): PerformanceRow[] {
  return PERFORMANCE_ROWS.filter(({ name }) => name.includes(words))
}

export function plannedRuns({ name, parts }: PerformanceRow, base: BenchOptions): PlannedRun[] {
  return Object.entries(parts).map(([part, { on = 'runtime', ...own }]) => {
    return { subject: on, options: { ...base, ...own }, row: { name, part } }
  })
}

/** What of the table these runs tell: each row of which there is every part. */
export function verdicts(runs: readonly RunRecord[]): RowVerdict[] {
  return PERFORMANCE_ROWS.flatMap((row) => {
    const parts: RowRuns = Object.fromEntries(
      Object.keys(row.parts).map((part) => [
        part,
        runs.filter((run) => run.row?.name === row.name && run.row.part === part).map(({ figures }) => figures),
      ]),
    )
    return Object.values(parts).some((figures) => figures.length === 0) ? [] : [verdict(row, parts)]
  })
}

function verdict({ name, checks, any }: PerformanceRow, runs: RowRuns): RowVerdict {
  const judged = checks.map((check) => judge(check, check.reached(runs)))
  const met = any ? judged.some((check) => check.met) : judged.every((check) => check.met)
  return { name, met, checks: judged }
}

function judge({ what, unit, least, most }: Check, value: number) {
  const show = (number: number) =>
    `${number >= 1_000 ? whole(number) : number.toFixed(2)}${unit === undefined ? '' : ` ${unit}`}`
  const target = least === undefined ? `at most ${show(most!)}` : `at least ${show(least)}`
  return { what, target, reached: show(value), met: least === undefined ? value <= most! : value >= least }
}

export function verdictLines(rows: readonly RowVerdict[]): string {
  const lines = rows.flatMap(({ name, met, checks }) => [
    `${met ? 'reached    ' : 'not reached'}  ${name}`,
    ...checks.map(({ what, target, reached }) => `               ${what}: ${reached} (${target})`),
  ])
  return lines.join('\n')
}
