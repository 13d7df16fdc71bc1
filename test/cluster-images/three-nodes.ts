import { join } from 'node:path'
import { PaxosNode } from '../../src/index.js'

export const NODES = [1, 2, 3]
export const GROUPS = 6
export const STORES = 2
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** One of three nodes of this process, on its directory below `base`. */
export function startNode(base: string, ports: readonly number[], nodeId: number): Promise<PaxosNode> {
  return PaxosNode.start({
    nodeId,
    nodes: Object.fromEntries(ports.map((port, i) => [i + 1, `127.0.0.1:${port}`])),
    dataDir: join(base, String(nodeId)),
    stores: STORES,
    threads: 1,
    groups: { count: GROUPS },
    stateMachines: [new URL('../support/machines/counter.js', import.meta.url)],
    clusterSecret: 'a secret of the tests',
    create: true,
    listener: 'ws',
    logger: quiet,
    memory: { controlRingBytes: 4 << 20, outboxRingBytes: 4 << 20, commandRingBytes: 1 << 20 },
  })
}
