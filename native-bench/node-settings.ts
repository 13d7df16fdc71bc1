import { join } from 'node:path'
import { freePorts } from './free-ports.js'

/** What executes the commands: as little as can be compared, or puts of a key-value store. */
export const BENCH_MACHINES = ['tally', 'kv-memory', 'kv-stored'] as const
export type BenchMachine = (typeof BENCH_MACHINES)[number]

/** Everything a process needs to run one node of a benchmark; plain data, it crosses processes. */
export interface NodeSettings {
  readonly nodeId: number
  readonly nodes: Readonly<Record<number, string>>
  readonly dataDir: string
  readonly groups: number
  readonly machine: BenchMachine
  readonly window: number | undefined
  readonly rttMs: number
  readonly flushDelayMs: number
  /** Single commands are followed (`testing.onStages`). */
  readonly stages?: boolean | undefined
}

export type ClusterSettings = Pick<
  NodeSettings,
  'groups' | 'machine' | 'window' | 'rttMs' | 'flushDelayMs' | 'stages'
> & {
  readonly nodes: number
}

/** Of every node, with ports that were free just now. */
export async function nodeSettings(settings: ClusterSettings, dir: string): Promise<NodeSettings[]> {
  const { nodes: count, groups, machine, window, rttMs, flushDelayMs, stages } = settings
  const same = { groups, machine, window, rttMs, flushDelayMs, stages }
  const ports = await freePorts(count)
  const nodes = Object.fromEntries(ports.map((port, i) => [i + 1, `127.0.0.1:${port}`]))
  return ports.map((_, i) => {
    return { ...same, nodeId: i + 1, nodes, dataDir: join(dir, `node-${i + 1}`) }
  })
}
