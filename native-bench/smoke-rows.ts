import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A load whose share of the floor is compared with the one on record. */
export interface SmokeRow {
  readonly name: string
  readonly groups: number
  readonly callers: number
  readonly many: number
}

export const SMOKE_ROWS: readonly SmokeRow[] = [
  { name: '4 groups, 1,000 callers', groups: 4, callers: 1_000, many: 1 },
  { name: '4 groups, 64 callers, proposeMany of 64', groups: 4, callers: 64, many: 64 },
  { name: '1 group, 1,000 callers', groups: 1, callers: 1_000, many: 1 },
  { name: '1 group, 1 caller', groups: 1, callers: 1, many: 1 },
]

/** By the names of the rows. */
export type SmokeRatios = Readonly<Record<string, number>>

/** By how much a ratio may be below the one on record before it is said: a shared machine moves them by a tenth. */
export const TOLERANCE = 0.15

// From the compiled file to the one beside the sources, which is what is kept.
const RECORD = fileURLToPath(new URL('../../native-bench/smoke-ratios.json', import.meta.url))

export const recordedRatios = (): SmokeRatios => JSON.parse(readFileSync(RECORD, 'utf8')) as SmokeRatios

export function record(ratios: SmokeRatios): void {
  const rounded = Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [name, Number(ratio.toFixed(2))]))
  writeFileSync(RECORD, `${JSON.stringify(rounded, undefined, 2)}\n`)
}

/** The names of the rows that fell by more than `TOLERANCE`. */
export function fallen(measured: SmokeRatios, recorded: SmokeRatios): string[] {
  return Object.entries(measured)
    .filter(([name, ratio]) => ratio < (recorded[name] ?? 0) * (1 - TOLERANCE))
    .map(([name]) => name)
}

/** A line for each row: its share of the floor, the one on record, and what became of it. */
export function smokeTable(measured: SmokeRatios, recorded: SmokeRatios): [string, string][] {
  const low = fallen(measured, recorded)
  return Object.entries(measured).map(([name, ratio]) => {
    const before = recorded[name]
    if (before === undefined) return [name, `${ratio.toFixed(2)}, none on record`]
    const change = `${ratio >= before ? '+' : ''}${((ratio / before - 1) * 100).toFixed(0)} %`
    return [
      name,
      `${ratio.toFixed(2)}, on record ${before.toFixed(2)} (${change})${low.includes(name) ? '  FELL' : ''}`,
    ]
  })
}
