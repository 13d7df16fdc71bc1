import { type Agreement, waitForAgreement } from './agreement.js'
import { type BenchOptions, defaultRun } from './bench-options.js'
import { Cluster } from './cluster.js'
import { FloorCluster } from './floor-cluster.js'
import { type Figures, measure, type Progress } from './measure.js'
import { makeWorkDir, removeWorkDir } from './work-dir.js'

const AGREE_MS = 60_000

export interface RuntimeRun {
  readonly figures: Figures
  readonly agreement: Agreement
}

/** One cluster of the runtime, from its birth to the removal of its files. */
export function runRuntime(options: BenchOptions, signal: AbortSignal, progress: Progress): Promise<RuntimeRun> {
  return inWorkDir(options, async (dir) => {
    const cluster = await Cluster.start(options, dir)
    try {
      const figures = await measure(cluster, options, signal, progress)
      const agreement = await waitForAgreement(() => cluster.groupStates(), figures, AGREE_MS)
      return { figures, agreement }
    } finally {
      await cluster.stop()
    }
  })
}

/** Why the floor cannot be run so; undefined: it can. */
export function floorRefusal({ reads, load, encoding }: BenchOptions): string | undefined {
  if (reads > 0) return 'the floor has no reads'
  if (load === 'all') return 'the floor takes its load on one node: --load one'
  return encoding === 'bytes' ? undefined : 'the floor takes its commands as they are: --encoding bytes'
}

/** What a run is, in a line: what matters always, and whatever is not as it is by default. */
export function runTitle(options: BenchOptions): string {
  const { nodes, groups, callers, rate, bytes, seconds } = options
  const load = rate === undefined ? `${callers} callers` : `${rate} commands/s due`
  const plain = ['nodes', 'groups', 'callers', 'rate', 'bytes', 'seconds', 'warmUpSeconds', 'data']
  const defaults = Object.entries(defaultRun())
  const rest = defaults.flatMap(([name, value]) => {
    const own = options[name as keyof BenchOptions]
    return own === value || plain.includes(name) ? [] : [`${name} ${own}`]
  })
  return [`${nodes} nodes`, `${groups} groups`, load, `${bytes} B`, `${seconds} s`, ...rest].join(', ')
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
