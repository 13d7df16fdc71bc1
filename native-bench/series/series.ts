import type { BenchOptions } from '../bench-options.js'
import type { Progress } from '../measure.js'
import { runFloor, runRuntime } from '../runs.js'
import { machineInfo, type RunRecord, type SubjectName } from './run-record.js'

export interface PlannedRun {
  readonly subject: SubjectName
  readonly options: BenchOptions
  readonly row?: RunRecord['row']
}

/**
 * All runs in turn, and that `rounds` times: A B C A B C. A machine's mood changes from minute to minute, and so hits
 * what is compared alike. Each run has a cluster of its own.
 */
export async function* runSeries(
  series: string,
  planned: readonly PlannedRun[],
  rounds: number,
  signal: AbortSignal,
  progress: Progress,
): AsyncGenerator<RunRecord> {
  for (let round = 1; round <= rounds; round++) {
    for (const run of planned) {
      const machine = machineInfo()
      const { subject, options } = run
      const ended =
        subject === 'floor'
          ? { figures: await runFloor(options, signal, progress) }
          : await runRuntime(options, signal, progress)
      yield { series, at: new Date().toISOString(), round, ...run, ...ended, machine }
    }
  }
}

export const isSound = ({ agreement }: RunRecord): boolean => agreement?.agree ?? true
