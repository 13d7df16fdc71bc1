import { Worker } from 'node:worker_threads'
import { allocateDoorbell } from '../../src/ring/doorbell.js'
import { allocateRing } from '../../src/ring/spsc-ring.js'
import type { ScenarioData, ScenarioResult } from './ring-scenarios.js'

export const realRingUrl = new URL('../../src/ring/', import.meta.url).href

export interface PairOptions {
  readonly scenario: ScenarioData['scenario']
  readonly count: number
  readonly ringBytes: number
  readonly startPosition?: number
  readonly ringUrl?: string
  readonly seed?: number
  readonly hangMs?: number
}

/** Runs a scenario on two threads; rejects with the first error of either, and leaves no thread behind. */
export async function runPair(options: PairOptions): Promise<[ScenarioResult, ScenarioResult]> {
  const bare = options.scenario === 'gate' || options.scenario === 'due'
  const ring = (): SharedArrayBuffer =>
    bare
      ? new SharedArrayBuffer(options.ringBytes)
      : allocateRing(options.ringBytes, { startPosition: options.startPosition ?? 0 })
  const common = {
    scenario: options.scenario,
    ringUrl: options.ringUrl ?? realRingUrl,
    rings: [ring(), ring()],
    bells: [allocateDoorbell(), allocateDoorbell()],
    shared: new SharedArrayBuffer(16),
    count: options.count,
    seed: options.seed ?? 1,
    hangMs: options.hangMs ?? 30_000,
  } as const
  const workers = ([0, 1] as const).map(
    (role) =>
      new Worker(new URL('./ring-worker.js', import.meta.url), {
        workerData: { ...common, role } satisfies ScenarioData,
      }),
  )
  const results = workers.map(
    (worker) =>
      new Promise<ScenarioResult>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
        worker.once('exit', () => reject(new Error('the thread ended without a result')))
      }),
  )
  try {
    return (await Promise.all(results)) as [ScenarioResult, ScenarioResult]
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
