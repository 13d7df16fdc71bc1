import { setTimeout as sleep } from 'node:timers/promises'
import { ChildChannel } from '../child-channel.js'
import { cpuMsOf } from '../process-cpu.js'
import type { PutLoadSettings, PutSample } from './put-load.js'
import { keyText, valueText } from './put-requests.js'
import type { PutService } from './put-service.js'
import type { KeyTruth } from './written-keys.js'

/** What one load gave. Latencies in milliseconds. */
export interface PutFigures {
  readonly putsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Processor time of all servers together for one put; undefined where the system does not say. */
  readonly serverMicros: number | undefined
  readonly loadMicros: number
  readonly statuses: Readonly<Record<string, number>>
  readonly lost: readonly string[]
}

export interface PutRun {
  readonly figures: PutFigures
  /** Keys read back, and one sentence for each that did not hold what was acknowledged. */
  readonly verified: number
  readonly wrong: readonly string[]
}

export interface RunTimes {
  readonly seconds: number
  /** Seconds too. */
  readonly warmUp: number
}

/** What a load can be sent to; where nothing is stored, nothing can be read back. */
export type Loaded = Omit<PutService, 'read'> & Partial<Pick<PutService, 'read'>>

const SAMPLE_KEYS = 500
const READS_AT_ONCE = 25

/** One load from its connections to the comparison of what is there with what was acknowledged. */
export async function runPuts(
  settings: PutLoadSettings,
  service: Loaded,
  { seconds, warmUp }: RunTimes,
  signal: AbortSignal,
): Promise<PutRun> {
  const { pids } = service
  const load = new ChildChannel(new URL('./put-process.js', import.meta.url), settings)
  try {
    await load.ask('start')
    await sleep(warmUp * 1000, undefined, { signal })
    const before = cpuOf(pids)
    await load.ask('begin')
    await sleep(seconds * 1000, undefined, { signal })
    const sample = await load.ask<PutSample>('sample')
    const after = cpuOf(pids)
    const truths = await load.ask<KeyTruth[]>('end', SAMPLE_KEYS)
    const figures = derive(sample, after - before)
    if (service.read === undefined) return { figures, verified: 0, wrong: [] }
    const wrong = await wrongValues((key) => service.read!(key), truths, settings.valueBytes)
    return { figures, verified: truths.length, wrong }
  } finally {
    await load.kill()
  }
}

function derive({ puts, seconds, cpuMs, ...rest }: PutSample, serverMs: number): PutFigures {
  return {
    putsPerSecond: puts / seconds,
    serverMicros: Number.isNaN(serverMs) ? undefined : (serverMs * 1000) / puts,
    loadMicros: (cpuMs * 1000) / puts,
    ...rest,
  }
}

const cpuOf = (pids: readonly number[]): number => pids.reduce((total, pid) => total + (cpuMsOf(pid) ?? Number.NaN), 0)

/** Reads the keys back and says what is not as acknowledged. */
export async function wrongValues(
  read: PutService['read'],
  truths: readonly KeyTruth[],
  valueBytes: number,
): Promise<string[]> {
  const wrong: string[] = []
  for (let at = 0; at < truths.length; at += READS_AT_ONCE) {
    const some = truths.slice(at, at + READS_AT_ONCE)
    await Promise.all(
      some.map(async ({ key, sequences }) => {
        const value = await read(keyText(key))
        if (sequences.some((sequence) => value === valueText(key, sequence, valueBytes))) return
        wrong.push(`${keyText(key)}: put ${sequences.join(' or ')} was acknowledged, there is ${value?.slice(0, 24)}`)
      }),
    )
  }
  return wrong
}
