import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../free-ports.js'
import { makeWorkDir, removeWorkDir } from '../work-dir.js'
import { KvClient } from './kv-client.js'
import { KvProcess } from './kv-process.js'

export interface KvClusterOptions {
  readonly nodes?: number
  readonly groups: number
  /** More arguments for every node. */
  readonly args?: readonly string[]
  /** Another program than examples/kv, with the same arguments. */
  readonly main?: string
  /** Added to the environment of all nodes. */
  readonly env?: Readonly<Record<string, string>>
  /** Where the temporary directory is made; by default where the system keeps such. */
  readonly data?: string | undefined
  /** Gets everything that the nodes write. */
  readonly onLine?: (nodeId: number, line: string) => void
}

const POLL_MS = 20

/** Nodes of examples/kv in processes of their own, seen from outside: by signals and HTTP. */
export class KvCluster {
  readonly nodeIds: readonly number[]
  readonly client: KvClient
  readonly #options: KvClusterOptions
  readonly #dir: string
  readonly #ports: readonly number[]
  readonly #httpPorts: readonly number[]
  readonly #processes = new Map<number, KvProcess>()

  private constructor(options: KvClusterOptions, ports: readonly number[]) {
    const nodes = ports.length / 2
    this.#options = options
    this.#dir = makeWorkDir('kv', options.data)
    this.#ports = ports.slice(0, nodes)
    this.#httpPorts = ports.slice(nodes)
    this.nodeIds = this.#ports.map((_, i) => i + 1)
    this.client = new KvClient((nodeId) => this.httpPort(nodeId))
  }

  /** With ports and directories, but nothing that runs. */
  static async prepare(options: KvClusterOptions): Promise<KvCluster> {
    return new KvCluster(options, await freePorts((options.nodes ?? 3) * 2))
  }

  static async start(options: KvClusterOptions): Promise<KvCluster> {
    const cluster = await KvCluster.prepare(options)
    try {
      await Promise.all(cluster.nodeIds.map((nodeId) => cluster.spawn(nodeId).ready))
      return cluster
    } catch (error) {
      await cluster.end()
      throw error
    }
  }

  /** A new life of a node on its data; whether to wait for `ready` is the caller's choice. `args` come last. */
  spawn(nodeId: number, args: readonly string[] = []): KvProcess {
    const { groups, main, env, onLine } = this.#options
    const process = new KvProcess(
      [
        ...['--node', String(nodeId), '--nodes', this.addresses.join(','), '--data', this.dataDir(nodeId)],
        ...['--http', `127.0.0.1:${this.#httpPorts[nodeId - 1]}`, '--groups', String(groups)],
        ...(this.#options.args ?? []),
        ...args,
      ],
      {
        ...(main === undefined ? {} : { main }),
        ...(env === undefined ? {} : { env }),
        ...(onLine === undefined ? {} : { onLine: (line: string) => onLine(nodeId, line) }),
      },
    )
    this.#processes.set(nodeId, process)
    return process
  }

  /** Where the nodes listen to each other, in the order of their ids. */
  get addresses(): string[] {
    return this.#ports.map((port) => `127.0.0.1:${port}`)
  }

  dataDir(nodeId: number): string {
    return join(this.#dir, String(nodeId))
  }

  httpPort(nodeId: number): number {
    return this.#httpPorts[nodeId - 1]!
  }

  process(nodeId: number): KvProcess {
    return this.#processes.get(nodeId)!
  }

  /** Resolves when the node listens to its peers, though it may not be ready yet. */
  async answers(nodeId: number): Promise<void> {
    while (!(await canConnect(this.#ports[nodeId - 1]!))) await sleep(POLL_MS)
  }

  /** SIGTERM for all; the exit statuses in the order of the node ids. */
  stop(): Promise<(number | NodeJS.Signals)[]> {
    return Promise.all(this.nodeIds.map((nodeId) => this.process(nodeId).stop()))
  }

  /** Whatever state they are in: no process and no file is left. */
  async end(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((process) => process.kill()))
    this.client.close()
    removeWorkDir(this.#dir)
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
