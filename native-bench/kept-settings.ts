import { PaxosNode } from '../src/index.js'

export interface KeptSettings {
  readonly nodeId: number
  readonly nodes: Readonly<Record<number, string>>
  readonly dataDir: string
  readonly everyInstances: number
  readonly holdInstances: number
}

/** One group, one command per instance: instances are what is counted here. */
export function startKeptNode(settings: KeptSettings): Promise<PaxosNode> {
  const { nodeId, nodes, dataDir, everyInstances, holdInstances } = settings
  return PaxosNode.start({
    nodeId,
    nodes,
    dataDir,
    groups: { count: 1 },
    stateMachines: [new URL('./bulk-machine.js', import.meta.url)],
    clusterSecret: 'a secret for benchmarks only',
    create: true,
    tuning: { batchCount: 1, window: 256 },
    checkpoints: { everyInstances, everyBytes: Number.MAX_SAFE_INTEGER, everyMs: 86_400_000, keep: 1 },
    trimming: { holdInstances, holdBytes: Number.MAX_SAFE_INTEGER },
  })
}
