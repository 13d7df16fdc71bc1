import { median, rate, summary, summaryLine } from '../medians.js'
import { table } from '../report.js'
import { type Configuration, configurations, labelOf, variedNames } from './configurations.js'
import type { RunRecord } from './run-record.js'

/** The medians of each configuration, one a line; after a runtime that has a floor, what share of it it reaches. */
export function configurationLines(runs: readonly RunRecord[]): string {
  const varied = variedNames(runs)
  const all = configurations(runs)
  return table(
    all.map((configuration): [string, string] => {
      const { subject, options } = configuration
      const line = summaryLine(summary(figuresOf(configuration)))
      const share = shareOfFloor(configuration, all)
      return [
        `${subject} ${labelOf(options, varied)}`,
        share === undefined ? line : `${line}  ${share.toFixed(2)} of the floor`,
      ]
    }),
  )
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
