import { summary, summaryLine } from '../medians.js'
import { table } from '../report.js'
import { configurations, figuresOf, labelOf, shareOfFloor, variedNames } from './configurations.js'
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
