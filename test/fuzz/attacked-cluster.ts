import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { LinkIdentity } from '../../src/net/link-identity.js'
import { LocalCluster } from '../host/local-cluster.js'
import { FalseListener } from './false-listener.js'
import { PortAttacks, type Target } from './port-attacks.js'

const SECRET = 'secret'
/** Not among those that are attacked. */
const WITNESS = 2
const GROUPS = 3

export interface Counted {
  readonly refusedLinks: number
  readonly refusedFrames: number
  readonly badRecords: number
}

/** Nodes 1 and 2 of three are real; the third one is the attacker, who knows what node 3 knew. */
export class AttackedCluster {
  readonly attacks: PortAttacks
  readonly false: FalseListener
  readonly #cluster: LocalCluster
  readonly #targets: readonly Target[]
  #added = 0

  private constructor(cluster: LocalCluster, attacks: PortAttacks, listener: FalseListener, targets: Target[]) {
    this.#cluster = cluster
    this.attacks = attacks
    this.false = listener
    this.#targets = targets
  }

  static async start(listener: 'uws' | 'ws', seed: number): Promise<AttackedCluster> {
    const cluster = await LocalCluster.start(3, {
      listener,
      clusterSecret: SECRET,
      groups: { count: GROUPS },
      stateMachines: [new URL('../support/machines/counter.js', import.meta.url)],
    })
    const { clusterId } = cluster.node(1).status()
    await cluster.down(3)
    const manifest = JSON.parse(readFileSync(join(cluster.base, '3/manifest.json'), 'utf8')) as { voterId: string }
    const identity: LinkIdentity = {
      clusterId,
      nodeId: 3,
      voterId: manifest.voterId,
      incarnation: 'abcdefabcdef0123',
      groupCount: GROUPS,
      protocolMin: 1,
      protocolMax: 1,
    }
    const { nodes } = cluster.options(1)
    const portOf = (nodeId: number) => Number(nodes[nodeId]?.split(':')[1])
    const attacks = new PortAttacks(seed, identity)
    const falseListener = new FalseListener(portOf(3), identity, SECRET, seed, attacks.frames)
    const targets = [1, 2].map((nodeId) => ({ nodeId, port: portOf(nodeId) }))
    return new AttackedCluster(cluster, attacks, falseListener, targets)
  }

  /** So many attacks, some at a time. */
  async attack(count: number): Promise<void> {
    for (let done = 0; done < count; done += 4) {
      await Promise.all(Array.from({ length: 4 }, () => this.attacks.next(this.#targets)))
    }
  }

  /** Each kind on each node. */
  attackWithEach(): Promise<void> {
    return this.attacks.each(this.#targets)
  }

  /** Every command through either node is executed, once. Throws if not. */
  async serves(): Promise<void> {
    for (const nodeId of [1, 2]) {
      const group = this.#cluster.node(nodeId).group(WITNESS)
      this.#added++
      await group.propose({ add: 1 }, { timeoutMs: 20_000 })
      const read = (await group.read(null, { timeoutMs: 20_000 })) as number
      if (read !== this.#added) throw new Error(`node ${nodeId} says ${read} after ${this.#added} commands`)
    }
  }

  counted(): Counted {
    const all = [1, 2].map((nodeId) => this.#cluster.node(nodeId).status())
    const sum = (of: (status: (typeof all)[number]) => number) => all.reduce((total, status) => total + of(status), 0)
    return {
      refusedLinks: sum(({ refusedLinks }) => refusedLinks),
      refusedFrames: sum(({ router }) => router.refusedFrames),
      badRecords: sum(({ workers }) => workers.reduce((total, { counters }) => total + counters.badRecords, 0)),
    }
  }

  /** Codes of alarms about anything but the attacked groups. */
  get unexpectedAlarms(): string[] {
    return this.#cluster.alarms
      .filter(({ group, code }) => (group === undefined || group === WITNESS) && code !== 'LOOP_DELAYED')
      .map(({ code, message }) => `${code}: ${message}`)
  }

  async stop(): Promise<void> {
    await this.attacks.close()
    this.false.close()
    await this.#cluster.stop()
  }
}

/** Bytes that this process holds after a collection, outside of the threads' heaps. */
export function bytesHeld(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
