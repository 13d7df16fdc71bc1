import { appendFileSync, readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'
import type { Agreement } from '../agreement.js'
import type { BenchOptions } from '../bench-options.js'
import type { Figures } from '../measure.js'

export type SubjectName = 'runtime' | 'floor'

/** One run, with all that is needed to judge it later: a line of the files that `--jsonl` writes. */
export interface RunRecord {
  /** When its invocation began: what has the same may be compared. */
  readonly series: string
  /** Of its end, in ISO 8601. */
  readonly at: string
  readonly subject: SubjectName
  /** From 1: runs of one series with the same options differ in it alone. */
  readonly round: number
  /** Of which row of the performance table, and what it stands for there. */
  readonly row?: { readonly name: string; readonly part: string } | undefined
  readonly options: BenchOptions
  readonly figures: Figures
  /** The floor has none: it executes nothing. */
  readonly agreement?: Agreement | undefined
  readonly machine: MachineInfo
}

export interface MachineInfo {
  readonly cpu: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly system: string
  readonly node: string
  /** Processes that ran or waited in the minute before the run: a busy machine shows here. */
  readonly loadBefore: number
}

export function machineInfo(): MachineInfo {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 1e8) / 10,
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    loadBefore: loadavg()[0]!,
  }
}

export function appendRecord(path: string, record: RunRecord): void {
  appendFileSync(path, `${JSON.stringify(record)}\n`)
}

/** Throws an error that names the line which is none. */
export function readRecords(path: string): RunRecord[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [parseRecord(line, `${path}, line ${i + 1}`)]))
}

function parseRecord(line: string, where: string): RunRecord {
  let value: Partial<RunRecord> | null = null
  try {
    value = JSON.parse(line)
  } catch {
    // Told below, like any other line that is none.
  }
  const { options, figures, machine } = value ?? {}
  if (options !== undefined && figures !== undefined && machine !== undefined) return value as RunRecord
  throw new Error(`${where}: got ${line.slice(0, 60)}, takes a run as npm run bench -- --jsonl writes it`)
}
