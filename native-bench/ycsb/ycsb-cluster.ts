import { PaxosNode } from '../../src/index.js'
import type { GroupState } from '../bench-node.js'
import { KvCluster } from '../kv/kv-cluster.js'
import { inProcess, type KvStore, OverHttp } from './kv-stores.js'
import type { YcsbOptions } from './ycsb-options.js'

const DIAL_AT_ONCE = 100
/** Where the callers are. */
const NODE = 1

type StatusGroups = ReturnType<PaxosNode['status']>['groups']

/** Three nodes with the machine of examples/kv; node 1, which all callers use, is in this process or not. */
export class YcsbCluster {
  readonly #options: YcsbOptions
  readonly #processes: KvCluster
  #local: PaxosNode | undefined

  private constructor(options: YcsbOptions, processes: KvCluster) {
    this.#options = options
    this.#processes = processes
  }

  static async start(options: YcsbOptions): Promise<YcsbCluster> {
    const { groups, state, data } = options
    const cluster = new YcsbCluster(options, await KvCluster.prepare({ groups, data, args: ['--state', state] }))
    try {
      await cluster.#start()
      return cluster
    } catch (error) {
      await cluster.end()
      throw error
    }
  }

  /** One for each caller. */
  async stores(): Promise<KvStore[]> {
    const { callers, consistency } = this.#options
    const local = this.#local
    if (local !== undefined) return Array.from({ length: callers }, () => inProcess(local, consistency))
    const stores: KvStore[] = []
    while (stores.length < callers) {
      const count = Math.min(DIAL_AT_ONCE, callers - stores.length)
      const port = this.#processes.httpPort(NODE)
      stores.push(...(await Promise.all(Array.from({ length: count }, () => OverHttp.open(port, consistency)))))
    }
    return stores
  }

  /** Of all nodes, in the order of their ids, as of at most 100 ms ago. */
  groupStates(): Promise<GroupState[][]> {
    const { nodeIds, client } = this.#processes
    return Promise.all(
      nodeIds.map(async (nodeId) => {
        const local = nodeId === NODE ? this.#local : undefined
        const status = local?.status() ?? (await client.status<{ groups: StatusGroups }>(nodeId))
        return status.groups.map(({ executedCommands, ...group }) => ({ ...group, executed: executedCommands, sum: 0 }))
      }),
    )
  }

  async end(): Promise<void> {
    await this.#local?.stop()
    await this.#processes.end()
  }

  async #start(): Promise<void> {
    const { http, groups, state } = this.#options
    const processes = this.#processes
    // All at once: the cluster is born when all of its nodes are there.
    const others = processes.nodeIds.filter((nodeId) => http || nodeId !== NODE)
    const ready = others.map((nodeId) => processes.spawn(nodeId).ready)
    if (!http) {
      const machine = state === 'stored' ? 'kv-machine' : 'kv-memory-machine'
      this.#local = await PaxosNode.start({
        nodeId: NODE,
        nodes: Object.fromEntries(processes.addresses.map((address, i) => [i + 1, address])),
        dataDir: processes.dataDir(NODE),
        groups: { count: groups },
        stateMachines: [new URL(`../../examples/kv/${machine}.js`, import.meta.url)],
        clusterSecret: 'a secret for examples only',
        create: true,
      })
    }
    await Promise.all(ready)
  }
}
