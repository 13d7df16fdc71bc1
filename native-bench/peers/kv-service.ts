import { setTimeout as sleep } from 'node:timers/promises'
import { KvCluster } from '../kv/kv-cluster.js'
import type { PeersOptions } from './peers-options.js'
import type { PutService } from './put-service.js'

const LEADER = 1
const READER = 2
const LEADER_MS = 20_000
const POLL_MS = 50

interface Status {
  readonly groups: readonly { readonly leader: number }[]
}

/** The nodes of examples/kv as they come, with node 1 as the leader of every group. */
export class KvService implements PutService {
  readonly #cluster: KvCluster
  readonly #spread: boolean

  private constructor(cluster: KvCluster, spread: boolean) {
    this.#cluster = cluster
    this.#spread = spread
  }

  static async start({ data, spread, groups, state }: PeersOptions): Promise<KvService> {
    const service = new KvService(await KvCluster.start({ groups, data, args: ['--state', state] }), spread)
    try {
      await service.#lead()
      return service
    } catch (error) {
      await service.end()
      throw error
    }
  }

  get ports(): readonly number[] {
    const { nodeIds } = this.#cluster
    return (this.#spread ? nodeIds : [LEADER]).map((nodeId) => this.#cluster.httpPort(nodeId))
  }

  get pids(): readonly number[] {
    return this.#cluster.nodeIds.map((nodeId) => this.#cluster.process(nodeId).pid)
  }

  async read(key: string): Promise<string | undefined> {
    const { status, body } = await this.#cluster.client.get(READER, key, 'quorum')
    if (status !== 200 && status !== 404) throw new Error(`GET of ${key} gave ${status}: ${body}`)
    return status === 200 ? body : undefined
  }

  end(): Promise<void> {
    return this.#cluster.end()
  }

  /** Who is asked first leads: a put through node 1 for every group. */
  async #lead(): Promise<void> {
    const { client } = this.#cluster
    for (const deadline = performance.now() + LEADER_MS; performance.now() < deadline; await sleep(POLL_MS)) {
      const { groups } = await client.status<Status>(LEADER)
      if (groups.every(({ leader }) => leader === LEADER)) return
      await Promise.all(Array.from({ length: 8 * groups.length }, (_, i) => client.put(LEADER, `first-${i}`, 'x')))
    }
    throw new Error(`node ${LEADER} did not lead every group after ${LEADER_MS} ms`)
  }
}
