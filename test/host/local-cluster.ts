import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AlarmEvent, Logger, PaxosOptions } from '../../src/index.js'
import { PaxosNode } from '../../src/index.js'

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ports.push((server.address() as { port: number }).port)
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

export function machineUrl(name: string): URL {
  return new URL(`../support/machines/${name}.js`, import.meta.url)
}

/** Nodes of one cluster in this process, each with a directory and a port of its own. */
export class LocalCluster {
  readonly base = mkdtempSync(join(tmpdir(), 'shardpaxos-test-'))
  readonly nodes = new Map<number, PaxosNode>()
  readonly alarms: (AlarmEvent & { node: number })[] = []
  readonly #common: Partial<PaxosOptions>
  #addresses: Record<number, string> = {}

  constructor(common: Partial<PaxosOptions> = {}) {
    this.#common = common
  }

  static async start(size: number, common: Partial<PaxosOptions> = {}): Promise<LocalCluster> {
    const cluster = new LocalCluster(common)
    await cluster.lay(size)
    await Promise.all(Object.keys(cluster.#addresses).map((id) => cluster.up(Number(id))))
    return cluster
  }

  async lay(size: number): Promise<void> {
    const ports = await freePorts(size)
    this.#addresses = Object.fromEntries(ports.map((port, i) => [i + 1, `127.0.0.1:${port}`]))
  }

  options(nodeId: number): PaxosOptions {
    return {
      nodeId,
      nodes: this.#addresses,
      dataDir: join(this.base, String(nodeId)),
      groups: { count: 2 },
      stateMachines: [machineUrl('counter')],
      clusterSecret: 'a secret of the tests',
      create: true,
      logger: silent,
      memory: { controlRingBytes: 4 << 20, outboxRingBytes: 4 << 20, commandRingBytes: 1 << 20 },
      ...this.#common,
    }
  }

  async up(nodeId: number, changes: Partial<PaxosOptions> = {}): Promise<PaxosNode> {
    const node = await PaxosNode.start({ ...this.options(nodeId), ...changes })
    node.on('alarm', (alarm) => this.alarms.push({ node: nodeId, ...alarm }))
    this.nodes.set(nodeId, node)
    return node
  }

  async down(nodeId: number): Promise<void> {
    const node = this.nodes.get(nodeId)
    this.nodes.delete(nodeId)
    await node?.stop()
  }

  node(nodeId: number): PaxosNode {
    return this.nodes.get(nodeId) as PaxosNode
  }

  /** Waits until all nodes have chosen and executed the same in all groups; throws what differs if they do not. */
  async settle(timeoutMs = 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    // A status is up to 100 ms old: three old ones may be equal. Whoever answered this has executed all acknowledged.
    const groups = [...this.nodes.values()].flatMap((node) =>
      node.status().groups.map(({ group }) => node.group(group)),
    )
    await Promise.all(groups.map((group) => group.read(undefined, { timeoutMs })))
    for (;;) {
      const views = [...this.nodes.values()].map((node) =>
        node.status().groups.map(({ group, chosenUpTo, executedUpTo, chain, digest }) => ({
          group,
          chosenUpTo,
          executedUpTo,
          chain,
          digest,
        })),
      )
      const texts = new Set(views.map((view) => JSON.stringify(view)))
      if (texts.size === 1 && views[0]?.every((view) => view.chosenUpTo === view.executedUpTo)) return
      if (performance.now() > deadline) throw new Error(`the nodes differ: ${[...texts].join('\n')}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.nodes.keys()].map((id) => this.down(id)))
    rmSync(this.base, { recursive: true, force: true })
  }
}

/** Tries until it is true. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
