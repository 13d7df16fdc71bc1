import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../native-bench/free-ports.js'
import { KvClient } from '../../native-bench/kv/kv-client.js'
import { KvProcess } from '../../native-bench/kv/kv-process.js'
import type { Random } from '../../src/base/random.js'
import { clockBendEnv } from '../support/io-shim/clock-bend.js'
import { IoShim } from '../support/io-shim/io-shim.js'
import { Locks } from './locks.js'
import { Network } from './network.js'
import { SmallDisk } from './small-disk.js'

export interface TortureClusterOptions {
  readonly nodes: number
  readonly groups: number
  /** For data, logs and control files. */
  readonly dir: string
  /** Another program than the one that was built. */
  readonly main: string | undefined
  /** The compiled library; undefined: no faults below the store, and clocks as they are. */
  readonly shimLibrary: string | undefined
  /** Which node gets a disk that can be filled; 0: none. */
  readonly smallDiskOf: number
  readonly random: Random
  /** Gets the parsed lines of the nodes' logs that are alarms. */
  readonly onAlarm: (nodeId: number, code: string, line: string) => void
  /** A process ended, and nobody had asked it to. */
  readonly onLost: (nodeId: number, end: string) => void
}

const BENT_CLOCKS = 0.3
const SHORT_TIMEOUT_MS = 4_000

/** Processes of examples/kv whose links, disks and clocks are in the hands of the test. */
export class TortureCluster {
  readonly nodeIds: readonly number[]
  readonly client: KvClient
  readonly network: Network
  readonly shims = new Map<number, IoShim>()
  readonly smallDisk: { readonly nodeId: number; readonly disk: SmallDisk } | undefined
  /** Whoever starts, ends, pauses or harms the disk of a node holds its lock. */
  readonly locks = new Locks()
  bentLives = 0
  readonly #options: TortureClusterOptions
  readonly #ports: readonly number[]
  readonly #httpPorts: readonly number[]
  readonly #logs: readonly WriteStream[]
  readonly #processes = new Map<number, KvProcess>()
  /** Lives whose end was asked for. */
  readonly #ended = new WeakSet<KvProcess>()

  private constructor(options: TortureClusterOptions, ports: readonly number[], network: Network) {
    const { nodes, dir, shimLibrary, smallDiskOf } = options
    this.#options = options
    this.#ports = ports.slice(0, nodes)
    this.#httpPorts = ports.slice(nodes)
    this.network = network
    this.nodeIds = this.#ports.map((_, i) => i + 1)
    this.client = new KvClient((nodeId) => this.#httpPorts[nodeId - 1]!)
    this.#logs = this.nodeIds.map((nodeId) => createWriteStream(join(dir, `node-${nodeId}.log`)))
    if (shimLibrary !== undefined) {
      for (const nodeId of this.nodeIds) {
        this.shims.set(nodeId, new IoShim(shimLibrary, join(dir, `shim-${nodeId}`)))
      }
    }
    const disk = smallDiskOf > 0 ? SmallDisk.mount(this.#dataDir(smallDiskOf)) : undefined
    this.smallDisk = disk && { nodeId: smallDiskOf, disk }
  }

  /** All nodes are up and their cluster is born. */
  static async start(options: TortureClusterOptions): Promise<TortureCluster> {
    mkdirSync(options.dir, { recursive: true })
    const ports = await freePorts(options.nodes * 2)
    const network = await Network.between(ports.slice(0, options.nodes))
    const cluster = new TortureCluster(options, ports, network)
    try {
      await Promise.all(cluster.nodeIds.map((nodeId) => cluster.spawn(nodeId).ready))
      return cluster
    } catch (error) {
      await cluster.end()
      throw error
    }
  }

  /** A new life of a node on its data. Its peers are where the proxies listen. */
  spawn(nodeId: number): KvProcess {
    const { groups, random, main } = this.#options
    const addresses = this.nodeIds.map(
      (peer) => `127.0.0.1:${peer === nodeId ? this.#ports[peer - 1] : this.network.port(nodeId, peer)}`,
    )
    const bent = random.chance(BENT_CLOCKS)
    const bend = { permille: 600 + random.below(1000), offsetSeconds: random.below(7200) - 3600 }
    const shim = this.shims.get(nodeId)
    if (bent && shim !== undefined) this.bentLives++
    const life = new KvProcess(
      [
        ...['--node', String(nodeId), '--nodes', addresses.join(','), '--data', this.#dataDir(nodeId)],
        ...['--http', `127.0.0.1:${this.#httpPorts[nodeId - 1]}`, '--groups', String(groups)],
        ...['--timeout', String(SHORT_TIMEOUT_MS)],
      ],
      {
        ...(main === undefined ? {} : { main }),
        env: { ...shim?.env, ...(bent ? clockBendEnv(bend) : {}) },
        onLine: (line) => this.#read(nodeId, line),
      },
    )
    this.#processes.set(nodeId, life)
    this.#logs[nodeId - 1]?.write(`-- life ${life.pid}${bent ? `, clock ${JSON.stringify(bend)}` : ''}\n`)
    void life.exited.then((end) => {
      this.#logs[nodeId - 1]?.write(`-- life ${life.pid} ended with ${end}\n`)
      if (!this.#ended.has(life)) this.#options.onLost(nodeId, String(end))
    })
    return life
  }

  isRunning(nodeId: number): boolean {
    return this.#processes.get(nodeId)?.isRunning === true
  }

  signal(nodeId: number, name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#processes.get(nodeId)?.signal(name)
  }

  async kill(nodeId: number): Promise<void> {
    const life = this.#processes.get(nodeId)
    if (life === undefined) return
    this.#ended.add(life)
    await life.kill()
  }

  /** In order. */
  async stop(nodeId: number): Promise<void> {
    const life = this.#processes.get(nodeId)
    if (life === undefined) return
    this.#ended.add(life)
    await life.stop()
  }

  /** No process is left, and no mounted disk; the files stay. */
  async end(): Promise<void> {
    await Promise.all(this.nodeIds.map((nodeId) => this.kill(nodeId)))
    this.client.close()
    this.network.close()
    for (const shim of this.shims.values()) shim.close()
    this.smallDisk?.disk.unmount()
    await Promise.all(this.#logs.map((log) => new Promise((resolve) => log.end(resolve))))
  }

  #dataDir(nodeId: number): string {
    return join(this.#options.dir, `data-${nodeId}`)
  }

  #read(nodeId: number, line: string): void {
    this.#logs[nodeId - 1]?.write(`${line}\n`)
    if (!line.startsWith('{')) return
    try {
      const { code, level } = JSON.parse(line) as { code?: unknown; level?: number }
      if (typeof code === 'string' && (level ?? 0) >= 50) this.#options.onAlarm(nodeId, code, line)
    } catch {
      // A line that a kill has cut.
    }
  }
}
