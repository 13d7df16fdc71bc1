import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchOptions } from './bench-options.js'
import { Load, type LoadTarget } from './load.js'
import type { Usage } from './usage.js'

/** What one process has done since its start. */
export interface ProcessSample {
  readonly node: number
  readonly usage: Usage
  readonly commits: number
  /** Instances that it knows chosen, of all groups together. */
  readonly instances: number
}

/** What is measured: a cluster of the runtime, or of the floor. This process is part of it. */
export interface Subject {
  readonly name: string
  readonly target: LoadTarget
  samples(): Promise<ProcessSample[]>
}

export interface ProcessFigures {
  readonly node: number
  /** Of one core. */
  readonly cpuPercent: number
  readonly rssMegabytes: number
  readonly commitsPerSecond: number
}

export interface Figures {
  readonly name: string
  readonly seconds: number
  readonly commands: number
  /** Since the start of the load, the warm-up included. */
  readonly acknowledged: number
  readonly unknown: number
  readonly commandsPerSecond: number
  readonly megabytesPerSecond: number
  readonly latencyMs: Readonly<Record<'p50' | 'p90' | 'p99' | 'p999' | 'max', number>>
  readonly instancesPerSecond: number
  readonly commandsPerInstance: number
  /** Of all processes together, the load's share included: the figure that a busy machine distorts least. */
  readonly cpuMicrosPerCommand: number
  /** On the node that this process embeds. */
  readonly durableCommitsPerSecond: number
  /** Written to files by all nodes together; undefined where the system does not say. */
  readonly bytesWrittenPerCommandByte: number | undefined
  readonly processes: readonly ProcessFigures[]
  /** Of this process, which makes the load too. */
  readonly loopDelayMs: Readonly<Record<'p50' | 'p99' | 'max', number>>
  readonly errors: number
  readonly errorsByCode: Readonly<Record<string, number>>
}

// The histogram holds the time between two looks, so the interval itself is taken off.
const LOOP_RESOLUTION_MS = 1

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
  const load = new Load(subject.target, options)
  load.start()
  try {
    await sleep(options.warmUpSeconds * 1000, undefined, { signal })
    await watch?.begin()
    const before = await subject.samples()
    const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
    delay.enable()
    load.begin()
    const ticker = tick(load, progress)
    await sleep(options.seconds * 1000, undefined, { signal }).finally(() => clearInterval(ticker))
    const { commands, errors, seconds } = load.sample()
    delay.disable()
    const after = await subject.samples()
    await watch?.end()
    const { latency } = load
    const ms = (percentile: number) => latency.getValueAtPercentile(percentile) / 1000
    const latencyMs = { p50: ms(50), p90: ms(90), p99: ms(99), p999: ms(99.9), max: latency.maxValue / 1000 }
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - LOOP_RESOLUTION_MS)
    const loopDelayMs = { p50: late(delay.percentile(50)), p99: late(delay.percentile(99)), max: late(delay.max) }
    const errorsByCode = Object.fromEntries(load.errorsByCode)
    await load.stop()
    return {
      ...derive(before, after, commands, seconds, options.bytes),
      name: subject.name,
      acknowledged: load.acknowledged,
      unknown: load.unknown,
      latencyMs,
      loopDelayMs,
      errors,
      errorsByCode,
    }
  } finally {
    await load.stop()
  }
}

function derive(
  before: readonly ProcessSample[],
  after: readonly ProcessSample[],
  commands: number,
  seconds: number,
  bytes: number,
) {
  const processes = after.map((sample) => {
    const first = firstOf(before, sample)
    return {
      node: sample.node,
      cpuPercent: (sample.usage.cpuMs - first.usage.cpuMs) / seconds / 10,
      rssMegabytes: sample.usage.rssBytes / 1e6,
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
    commandsPerSecond: commands / seconds,
    megabytesPerSecond: (commands * bytes) / seconds / 1e6,
    instancesPerSecond: instances / seconds,
    commandsPerInstance: commands / Math.max(1, instances),
    cpuMicrosPerCommand: (processes.reduce((all, { cpuPercent }) => all + cpuPercent, 0) * seconds * 1e4) / commands,
    durableCommitsPerSecond: processes[0]?.commitsPerSecond ?? 0,
    bytesWrittenPerCommandByte: Number.isNaN(written) ? undefined : written / Math.max(1, commands * bytes),
    processes,
  }
}

/** A process that was started again in between counts from nothing. */
function firstOf(before: readonly ProcessSample[], { node, usage }: ProcessSample): ProcessSample {
  const nothing = { node, usage: { cpuMs: 0, rssBytes: 0, writtenBytes: 0 }, commits: 0, instances: 0 }
  const first = before.find((sample) => sample.node === node)
  return first === undefined || first.usage.cpuMs > usage.cpuMs ? nothing : first
}

function tick(load: Load, progress: Progress): NodeJS.Timeout {
  let last = load.sample()
  return setInterval(() => {
    const now = load.sample()
    const rate = (now.commands - last.commands) / (now.seconds - last.seconds)
    const p99 = load.latency.getValueAtPercentile(99) / 1000
    const errors = now.errors === 0 ? '' : `  ${now.errors} errors`
    progress(
      `${now.seconds.toFixed(0).padStart(4)} s  ${whole(rate).padStart(10)} commands/s  p99 ${p99.toFixed(1)} ms${errors}`,
    )
    last = now
  }, 1000)
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en-US')
