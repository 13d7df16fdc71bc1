import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { SyncMode } from '../src/index.js'
import { freePorts } from './free-ports.js'
import type { Encoding } from './load/commands.js'

/** What executes the commands: as little as can be compared, or puts of a key-value store. */
export const BENCH_MACHINES = ['tally', 'counter', 'kv-memory', 'kv-stored'] as const
export type BenchMachine = (typeof BENCH_MACHINES)[number]

/** A cluster; what may be left out is the runtime's default. */
export interface ClusterSettings {
  readonly nodes: number
  readonly groups: number
  /** Worker threads of each node, with a store each; by default a node has its share of the cores. */
  readonly threads?: number | undefined
  /** `bulk`: a stored state of any size, of the benchmarks that need one. */
  readonly machine: BenchMachine | 'bulk'
  readonly encoding?: Encoding
  readonly window?: number | undefined
  readonly batch?: number | undefined
  readonly rttMs: number
  readonly flushDelayMs: number
  readonly sync?: SyncMode | undefined
  /** Single commands are followed (`testing.onStages`). */
  readonly stages?: boolean | undefined
}

/** Everything a process needs to run one node of a benchmark; plain data, it crosses processes. */
export interface NodeSettings extends Omit<ClusterSettings, 'nodes'> {
  readonly threads: number
  readonly nodeId: number
  readonly nodes: Readonly<Record<number, string>>
  readonly dataDir: string
}

/** Of every node, with ports that were free just now. */
export async function nodeSettings(settings: ClusterSettings, dir: string): Promise<NodeSettings[]> {
  const { nodes: count, ...same } = pick(settings)
  const threads = Math.min(same.groups, same.threads ?? Math.max(1, Math.floor(availableParallelism() / count)))
  const ports = await freePorts(count)
  const nodes = Object.fromEntries(ports.map((port, i) => [i + 1, `127.0.0.1:${port}`]))
  return ports.map((_, i) => ({ ...same, threads, nodes, nodeId: i + 1, dataDir: join(dir, `node-${i + 1}`) }))
}

/** The settings alone: what is given may be the options of a whole run. */
function pick(settings: ClusterSettings): ClusterSettings {
  const { nodes, groups, threads, machine, encoding, window, batch, rttMs, flushDelayMs, sync, stages } = settings
  return { nodes, groups, threads, machine, encoding, window, batch, rttMs, flushDelayMs, sync, stages }
}
