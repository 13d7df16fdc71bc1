import { defaultRun } from '../../native-bench/bench-options.js'
import type { Figures } from '../../native-bench/measure.js'
import type { RunRecord } from '../../native-bench/series/run-record.js'

const SERIES = '2026-01-01T00:00:00.000Z'

function figures(change: Partial<Figures>): Figures {
  return {
    name: 'runtime',
    seconds: 1,
    commands: 1_000,
    reads: 0,
    acknowledged: 1_500,
    unknown: 0,
    commandsPerSecond: 1_000,
    readsPerSecond: 0,
    perLoad: [1_000],
    megabytesPerSecond: 0.1,
    latencyMs: { p50: 1, p90: 2, p99: 3, p999: 4, max: 5 },
    readLatencyMs: undefined,
    lateMs: undefined,
    missed: 0,
    instancesPerSecond: 100,
    commandsPerInstance: 10,
    cpuMicrosPerCommand: 50,
    durableCommitsPerSecond: 100,
    bytesWrittenPerCommandByte: 5,
    processes: [{ node: 1, cpuPercent: 50, rssMegabytes: 200, dataMegabytes: 30, commitsPerSecond: 100 }],
    course: [],
    loopDelayMs: { p50: 0, p99: 1, max: 2 },
    errors: 0,
    errorsByCode: {},
    highestRead: [],
    staleReads: [],
    ...change,
  }
}

/** A run as it would have been recorded. */
export function run(
  options: Partial<RunRecord['options']>,
  change: Partial<Figures> = {},
  rest: Partial<RunRecord> = {},
): RunRecord {
  return {
    series: SERIES,
    at: SERIES,
    subject: 'runtime',
    round: 1,
    options: { ...defaultRun(), ...options },
    figures: figures(change),
    agreement: { agree: true, executed: 1_500, differences: [] },
    machine: { cpu: 'a <fast> one', cores: 2, memoryGigabytes: 8, system: 'linux', node: 'v20', loadBefore: 0 },
    ...rest,
  }
}
