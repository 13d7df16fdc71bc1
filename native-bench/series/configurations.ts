import type { BenchOptions } from '../bench-options.js'
import { median, rate } from '../medians.js'
import type { RunRecord } from './run-record.js'

export type OptionName = keyof BenchOptions

/** Runs that differ in nothing but their round. */
export interface Configuration {
  readonly subject: RunRecord['subject']
  readonly options: BenchOptions
  readonly runs: readonly RunRecord[]
}

/** The names of what is not the same in all runs, in the order of the options. Where it was done does not count. */
export function variedNames(runs: readonly Pick<RunRecord, 'options'>[]): OptionName[] {
  const names = new Set(runs.flatMap(({ options }) => Object.keys(options) as OptionName[]))
  names.delete('data')
  return [...names].filter((name) => new Set(runs.map(({ options }) => options[name])).size > 1)
}

export function configurations(runs: readonly RunRecord[]): Configuration[] {
  const varied = variedNames(runs)
  const byKey = new Map<string, RunRecord[]>()
  for (const run of runs) {
    const key = `${run.subject} ${labelOf(run.options, varied)}`
    byKey.set(key, [...(byKey.get(key) ?? []), run])
  }
  return [...byKey.values()].map((same) => ({ subject: same[0]!.subject, options: same[0]!.options, runs: same }))
}

/** `groups 4, window 16`. */
export function labelOf(options: BenchOptions, names: readonly OptionName[]): string {
  return names.map((name) => `${name} ${options[name] ?? 'default'}`).join(', ')
}

export const figuresOf = ({ runs }: Configuration) => runs.map(({ figures }) => figures)

/** Of the medians of both; undefined: it is a floor itself, or has none. */
export function shareOfFloor(configuration: Configuration, all: readonly Configuration[]): number | undefined {
  if (configuration.subject === 'floor') return undefined
  const same = JSON.stringify(configuration.options)
  const floor = all.find(({ subject, options }) => subject === 'floor' && JSON.stringify(options) === same)
  if (floor === undefined) return undefined
  return median(figuresOf(configuration), rate) / median(figuresOf(floor), rate)
}
