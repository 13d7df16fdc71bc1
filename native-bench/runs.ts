import { type Agreement, waitForAgreement } from './agreement.js'
import type { BenchOptions } from './bench-options.js'
import { Cluster } from './cluster.js'
import { FloorCluster } from './floor-cluster.js'
import { type Figures, measure, type Progress } from './measure.js'
import { Insight } from './stages/insight.js'
import { makeWorkDir, removeWorkDir } from './work-dir.js'

const AGREE_MS = 60_000

export interface RuntimeRun {
  readonly figures: Figures
  readonly agreement: Agreement
  /** Where the time went, if it was asked for. */
  readonly insight: string | undefined
}

/** One cluster of the runtime, from its birth to the removal of its files. */
export function runRuntime(options: BenchOptions, signal: AbortSignal, progress: Progress): Promise<RuntimeRun> {
  return inWorkDir(options, async (dir) => {
    const cluster = await Cluster.start(options, dir)
    try {
      const watch = options.stages || options.profile !== undefined ? new Insight(cluster, options) : undefined
      const figures = await measure(cluster, options, signal, progress, watch)
      const agreement = await waitForAgreement(() => cluster.groupStates(), figures, AGREE_MS)
      return { figures, agreement, insight: watch?.report(figures) }
    } finally {
      await cluster.stop()
    }
  })
}

export function runFloor(options: BenchOptions, signal: AbortSignal, progress: Progress): Promise<Figures> {
  return inWorkDir(options, async (dir) => {
    const cluster = await FloorCluster.start(options, dir)
    try {
      return await measure(cluster, options, signal, progress)
    } finally {
      await cluster.stop()
    }
  })
}

async function inWorkDir<T>(options: BenchOptions, body: (dir: string) => Promise<T>): Promise<T> {
  const dir = makeWorkDir('bench', options.data)
  try {
    return await body(dir)
  } finally {
    removeWorkDir(dir)
  }
}
