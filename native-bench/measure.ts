import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchOptions } from './bench-options.js'
import { Course, type CoursePoint } from './course.js'
import { mergedPercentiles, type Percentiles } from './load/latencies.js'
import type { LoadResult, LoadSample } from './load/load-counts.js'
import type { LoadEnd } from './load.js'
import type { Usage } from './usage.js'

/** What one process has done since its start. */
export interface ProcessSample {
  readonly node: number
  readonly usage: Usage
  /** What its data take of the disk. */
  readonly dataBytes: number
  readonly commits: number
  /** Instances that it knows chosen, of all groups together. */
  readonly instances: number
}

/** What is measured: a cluster of the runtime, or of the floor. This process is part of it. */
export interface Subject {
  readonly name: string
  /** The loads that make up the one of these options; the first runs in this process. */
  loads(options: BenchOptions): LoadEnd[]
  samples(): Promise<ProcessSample[]>
}

export interface ProcessFigures {
  readonly node: number
  /** Of one core. */
  readonly cpuPercent: number
  readonly rssMegabytes: number
  readonly dataMegabytes: number
  readonly commitsPerSecond: number
}

export interface Figures {
  readonly name: string
  readonly seconds: number
  readonly commands: number
  readonly reads: number
  /** Since the start of the load, the warm-up included. */
  readonly acknowledged: number
  readonly unknown: number
  readonly commandsPerSecond: number
  readonly readsPerSecond: number
  /** Commands and reads a second of the load on each loaded node, from node 1 on. */
  readonly perLoad: readonly number[]
  readonly megabytesPerSecond: number
  /** Of commands; of an open loop from the moment at which they were due. */
  readonly latencyMs: Percentiles
  /** Undefined: nothing was read. */
  readonly readLatencyMs: Percentiles | undefined
  /** Of an open loop: by how much its calls were sent after they were due. */
  readonly lateMs: Percentiles | undefined
  /** Commands of an open loop that were due and not sent, because too many were without an answer. */
  readonly missed: number
  readonly instancesPerSecond: number
  readonly commandsPerInstance: number
  /**
   * Of all processes together, the load's share included, for a command or a read: the figure that a busy machine
   * distorts least.
   */
  readonly cpuMicrosPerCommand: number
  /** On the node that this process embeds. */
  readonly durableCommitsPerSecond: number
  /** Written to files by all nodes together; undefined where the system does not say. */
  readonly bytesWrittenPerCommandByte: number | undefined
  readonly processes: readonly ProcessFigures[]
  /** Of a run of a minute and more: what it took up along the way. */
  readonly course: readonly CoursePoint[]
  /** Of this process, which makes the load too. */
  readonly loopDelayMs: Readonly<Record<'p50' | 'p99' | 'max', number>>
  readonly errors: number
  readonly errorsByCode: Readonly<Record<string, number>>
  /** Of each group, the most commands that a read has seen executed. */
  readonly highestRead: readonly number[]
  /** One sentence for each read that did not see what had been acknowledged before it; the first few. */
  readonly staleReads: readonly string[]
}

// The histogram holds the time between two looks, so the interval itself is taken off.
const LOOP_RESOLUTION_MS = 1
const NOTHING: Percentiles = { p50: 0, p90: 0, p99: 0, p999: 0, max: 0 }

/** What looks at the measured interval, and at nothing else. */
export interface Watch {
  begin(): Promise<void>
  end(): Promise<void>
}

export type Progress = (line: string) => void

/** Warms up, measures, and waits for the last answers. */
export async function measure(
  subject: Subject,
  options: BenchOptions,
  signal: AbortSignal,
  progress: Progress,
  watch?: Watch,
): Promise<Figures> {
  const loads = subject.loads(options)
  const course = new Course(options.seconds)
  let results: readonly LoadResult[] | undefined
  try {
    await Promise.all(loads.map((load) => load.start()))
    await sleep(options.warmUpSeconds * 1000, undefined, { signal })
    await watch?.begin()
    const before = await subject.samples()
    const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
    delay.enable()
    await Promise.all(loads.map((load) => load.begin()))
    course.begin(before, () => Promise.all([sampleAll(loads), subject.samples()]))
    const ticker = tick(loads, progress)
    await sleep(options.seconds * 1000, undefined, { signal }).finally(() => clearInterval(ticker))
    const samples = await sampleAll(loads)
    delay.disable()
    const after = await subject.samples()
    await watch?.end()
    // Answers that are still to come count for the latency: the slowest are among them.
    results = await Promise.all(loads.map((load) => load.finish()))
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - LOOP_RESOLUTION_MS)
    return {
      name: subject.name,
      ...derive(before, after, samples, options.bytes),
      ...together(results),
      course: course.end(samples, after),
      loopDelayMs: { p50: late(delay.percentile(50)), p99: late(delay.percentile(99)), max: late(delay.max) },
    }
  } finally {
    course.cancel()
    if (results === undefined) await Promise.allSettled(loads.map((load) => load.finish()))
  }
}

const sampleAll = (loads: readonly LoadEnd[]): Promise<LoadSample[]> => Promise.all(loads.map((load) => load.sample()))

const sum = <T>(all: readonly T[], pick: (one: T) => number): number => all.reduce((total, one) => total + pick(one), 0)

function together(results: readonly LoadResult[]) {
  const errorsByCode: Record<string, number> = {}
  for (const [code, count] of results.flatMap((result) => Object.entries(result.errorsByCode))) {
    errorsByCode[code] = (errorsByCode[code] ?? 0) + count
  }
  const highest = results.map(({ highestRead }) => highestRead)
  return {
    acknowledged: sum(results, ({ acknowledged }) => acknowledged),
    unknown: sum(results, ({ unknown }) => unknown),
    latencyMs: mergedPercentiles(results.map(({ latency }) => latency)) ?? NOTHING,
    readLatencyMs: mergedPercentiles(results.map(({ readLatency }) => readLatency)),
    lateMs: mergedPercentiles(results.map(({ late }) => late)),
    errors: sum(Object.values(errorsByCode), (count) => count),
    errorsByCode,
    highestRead: (highest[0] ?? []).map((_, group) => Math.max(...highest.map((groups) => groups[group]!))),
    staleReads: results.flatMap(({ staleReads }) => staleReads),
  }
}

function derive(
  before: readonly ProcessSample[],
  after: readonly ProcessSample[],
  samples: readonly LoadSample[],
  bytes: number,
) {
  const seconds = samples[0]!.seconds
  const commands = sum(samples, (sample) => sample.commands)
  const reads = sum(samples, (sample) => sample.reads)
  const commandsPerSecond = sum(samples, (sample) => sample.commands / sample.seconds)
  const processes = after.map((sample) => {
    const first = firstOf(before, sample)
    return {
      node: sample.node,
      cpuPercent: (sample.usage.cpuMs - first.usage.cpuMs) / seconds / 10,
      rssMegabytes: sample.usage.rssBytes / 1e6,
      dataMegabytes: sample.dataBytes / 1e6,
      commitsPerSecond: (sample.commits - first.commits) / seconds,
    }
  })
  const instances = (after[0]?.instances ?? 0) - (before[0]?.instances ?? 0)
  const written = after.reduce((total, sample) => {
    const first = firstOf(before, sample)
    return total + (sample.usage.writtenBytes ?? Number.NaN) - (first.usage.writtenBytes ?? Number.NaN)
  }, 0)
  return {
    seconds,
    commands,
    reads,
    missed: sum(samples, ({ missed }) => missed),
    commandsPerSecond,
    readsPerSecond: sum(samples, (sample) => sample.reads / sample.seconds),
    perLoad: samples.map((sample) => (sample.commands + sample.reads) / sample.seconds),
    megabytesPerSecond: (commandsPerSecond * bytes) / 1e6,
    instancesPerSecond: instances / seconds,
    commandsPerInstance: commands / Math.max(1, instances),
    cpuMicrosPerCommand: (sum(processes, ({ cpuPercent }) => cpuPercent) * seconds * 1e4) / (commands + reads),
    durableCommitsPerSecond: processes[0]?.commitsPerSecond ?? 0,
    bytesWrittenPerCommandByte: Number.isNaN(written) ? undefined : written / Math.max(1, commands * bytes),
    processes,
  }
}

/** A process that was started again in between counts from nothing. */
function firstOf(before: readonly ProcessSample[], { node, usage }: ProcessSample): ProcessSample {
  const first = before.find((sample) => sample.node === node)
  if (first !== undefined && first.usage.cpuMs <= usage.cpuMs) return first
  const unused = { cpuMs: 0, rssBytes: 0, mappedBytes: 0, writtenBytes: 0 }
  return { node, usage: unused, dataBytes: 0, commits: 0, instances: 0 }
}

function tick(loads: readonly LoadEnd[], progress: Progress): NodeJS.Timeout {
  let last = { ended: 0, seconds: 0 }
  return setInterval(async () => {
    const samples = await sampleAll(loads).catch(() => [])
    const [first] = samples
    if (first === undefined) return
    const now = { ended: sum(samples, ({ commands, reads }) => commands + reads), seconds: first.seconds }
    const rate = (now.ended - last.ended) / (now.seconds - last.seconds)
    last = now
    const p99 = Math.max(...samples.map(({ p99Ms }) => p99Ms))
    const errors = sum(samples, (sample) => sample.errors)
    progress(
      `${now.seconds.toFixed(0).padStart(4)} s  ${whole(rate).padStart(10)} commands/s  p99 ${p99.toFixed(1)} ms${errors === 0 ? '' : `  ${errors} errors`}`,
    )
  }, 1000)
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en-US')
