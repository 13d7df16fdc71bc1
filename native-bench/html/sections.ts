import { type Configuration, configurations, type OptionName, variedNames } from '../series/configurations.js'
import type { RunRecord } from '../series/run-record.js'

/** Runs that may be compared: of one invocation, and there of one row of the performance table if they are of any. */
export interface Section {
  readonly title: string
  readonly runs: readonly RunRecord[]
  readonly configurations: readonly Configuration[]
  /** The options that are not the same in all of them. */
  readonly varied: readonly OptionName[]
}

export function sections(runs: readonly RunRecord[]): Section[] {
  const byTitle = new Map<string, RunRecord[]>()
  for (const run of runs) {
    const title = `${run.row?.name ?? 'Runs'}, ${run.series}`
    byTitle.set(title, [...(byTitle.get(title) ?? []), run])
  }
  return [...byTitle].map(([title, own]) => {
    return { title, runs: own, configurations: configurations(own), varied: variedNames(own) }
  })
}
