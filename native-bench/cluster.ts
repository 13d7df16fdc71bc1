import type { PaxosNode } from '../src/index.js'
import { type GroupState, groupStates, nodeTarget, sampleNode, startNode } from './bench-node.js'
import type { BenchOptions } from './bench-options.js'
import { ChildChannel } from './child-channel.js'
import { loadShares } from './load/load-shares.js'
import type { LoadTarget } from './load/load-target.js'
import { RemoteLoad } from './load/remote-load.js'
import { Load, type LoadEnd } from './load.js'
import type { ProcessSample, Subject } from './measure.js'
import { type ClusterSettings, type NodeSettings, nodeSettings } from './node-settings.js'
import { type InsightRequest, NodeInsight } from './stages/node-insight.js'

/** Node 1 in this process, all others in processes of their own, each with its data in `dir`. */
export class Cluster implements Subject {
  readonly name = 'runtime'
  readonly #settings: readonly NodeSettings[]
  readonly #children = new Map<number, ChildChannel>()
  readonly #insight = new NodeInsight(1)
  #local: PaxosNode | undefined

  private constructor(settings: readonly NodeSettings[]) {
    this.#settings = settings
  }

  static async start(settings: ClusterSettings, dir: string): Promise<Cluster> {
    const cluster = new Cluster(await nodeSettings(settings, dir))
    try {
      // All at once: the cluster is born when all of its nodes are there.
      const others = cluster.#settings.slice(1).map(({ nodeId }) => cluster.startChild(nodeId))
      cluster.#local = await startNode(cluster.#settings[0]!, cluster.#insight)
      await Promise.all(others)
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  get local(): PaxosNode {
    if (this.#local === undefined) throw new Error('node 1 is not running')
    return this.#local
  }

  /** For calls on node 1. */
  get target(): LoadTarget {
    return nodeTarget(this.local)
  }

  loads(options: BenchOptions): LoadEnd[] {
    const [own, ...others] = loadShares(options)
    const remote = others.map((share, i) => new RemoteLoad(this.child(i + 2), share))
    return [new Load(this.target, own!), ...remote]
  }

  child(nodeId: number): ChildChannel {
    const child = this.#children.get(nodeId)
    if (child === undefined) throw new Error(`node ${nodeId} is not a process of its own`)
    return child
  }

  /** Starts a node, or starts it again on its data; resolves when it serves. */
  async startChild(nodeId: number): Promise<void> {
    const child = new ChildChannel(new URL('./node-process.js', import.meta.url), this.#settings[nodeId - 1]!)
    this.#children.set(nodeId, child)
    await child.ask('ready')
  }

  /** One of the others, which comes back on its data. */
  async restartChild(nodeId: number): Promise<void> {
    await this.child(nodeId).stop()
    await this.startChild(nodeId)
  }

  samples(): Promise<ProcessSample[]> {
    const others = [...this.#children.values()].map((child) => child.ask<ProcessSample>('sample'))
    return Promise.all([sampleNode(this.local, this.#settings[0]!), ...others])
  }

  /** Of all nodes, in the order of their ids. */
  groupStates(): Promise<GroupState[][]> {
    const others = [...this.#children].sort(([a], [b]) => a - b).map(([, child]) => child.ask<GroupState[]>('groups'))
    return Promise.all([groupStates(this.local), ...others])
  }

  /** Of one node: where its time goes (native-bench/stages). */
  insight<T>(nodeId: number, request: InsightRequest): Promise<T> {
    if (nodeId !== 1) return this.child(nodeId).ask('insight', request)
    return this.#insight.answer(this.local, request) as Promise<T>
  }

  async stop(): Promise<void> {
    const local = this.#local
    this.#local = undefined
    await Promise.all([local?.stop(), ...[...this.#children.values()].map((child) => child.stop())])
  }
}
