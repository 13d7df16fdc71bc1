import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { KvCluster } from '../../native-bench/kv/kv-cluster.js'
import type { Random } from '../../src/base/random.js'
import { routeKey } from '../../src/host/routing.js'
import type { NodeStatus } from '../../src/index.js'
import type { Manifest } from '../../src/store/manifest.js'
import { alarmIn, type LoggedAlarm } from './alarms.js'
import { readDisk } from './disk-view.js'
import { KeyTruth } from './key-truth.js'

const MAIN = fileURLToPath(new URL('./scanned-kv-main.js', import.meta.url))
/** As after a kill: what a life leaves for the next one is a file that can be damaged, too. */
const LAST_LIFE = JSON.stringify({ phase: 'running', failures: 0 })
export const HARMED = 3
export const OTHERS = [1, 2]
/** What the log keeps behind a checkpoint, as a share of the instances between two. */
const HOLD = 0.3
/** From the base on: node 3 comes back with old data again and again, and is to find the log that it had. */
const KEEP_ALL = ['--checkpoint-every', '1000000', '--hold', '1000000']
const PARALLEL = 32
const REMOVED = 0.1
const POLL_MS = 20
const WRITE_MS = 10_000
const LIMIT_MS = 120_000

export interface FlipStageOptions {
  readonly groups: number
  readonly keys: number
  readonly bytes: number
  readonly checkpointEvery: number
  readonly random: Random
}

/** What node 3 was when it was stopped. */
interface Base {
  readonly voterId: string
  readonly stores: number
  /** Of each group; never to be lowered under this voter id. */
  readonly promised: readonly number[]
}

/** Three nodes, what they must hold, and the data of one of them as they were when it was stopped in order. */
export class FlipStage {
  readonly cluster: KvCluster
  readonly truth: KeyTruth
  /** Of all nodes; whoever has looked at them empties it. */
  readonly alarms: LoggedAlarm[]
  #base: Base = { voterId: '', stores: 0, promised: [] }
  readonly #options: FlipStageOptions

  private constructor(options: FlipStageOptions, cluster: KvCluster, alarms: LoggedAlarm[]) {
    this.#options = options
    this.cluster = cluster
    this.alarms = alarms
    this.truth = new KeyTruth(options.groups)
  }

  static async start(options: FlipStageOptions): Promise<FlipStage> {
    const alarms: LoggedAlarm[] = []
    const { groups, checkpointEvery } = options
    const hold = Math.floor(checkpointEvery * HOLD)
    const cluster = await KvCluster.start({
      ...{ groups, main: MAIN },
      args: ['--state', 'stored', '--checkpoint-every', String(checkpointEvery), '--hold', String(hold)],
      onLine: (nodeId, line) => {
        const alarm = alarmIn(nodeId, line)
        if (alarm !== undefined) alarms.push(alarm)
      },
    })
    return new FlipStage(options, cluster, alarms)
  }

  get base(): Base {
    return this.#base
  }

  get baseDir(): string {
    return `${this.cluster.dataDir(HARMED)}-base`
  }

  /** Fills the state, waits until there are checkpoints and a trimmed log, and keeps what node 3 has then. */
  async prepare(): Promise<void> {
    const { cluster } = this
    const { keys } = this.#options
    await this.#writeAll(Array.from({ length: keys }, (_, i) => `key-${i}`))
    const isReady = async () => {
      await this.#writeAll(Array.from({ length: PARALLEL }, () => this.#anyKey()))
      const all = await Promise.all(cluster.nodeIds.map((nodeId) => this.status(nodeId)))
      return all.every(({ groups }) => groups.every(({ firstKept, checkpoint }) => firstKept > 1 && checkpoint > 0))
    }
    await until('checkpoints and trimmed logs', isReady)
    await cluster.stop()
    cpSync(cluster.dataDir(HARMED), this.baseDir, { recursive: true })
    const { voterId, stores } = JSON.parse(readFileSync(join(this.baseDir, 'manifest.json'), 'utf8')) as Manifest
    const promised = readDisk(this.baseDir, this.#options.groups).map(({ head }) => head.promised)
    this.#base = { voterId, stores, promised }
    writeFileSync(join(this.baseDir, 'last-life'), LAST_LIFE)
    await Promise.all(OTHERS.map((nodeId) => cluster.spawn(nodeId, KEEP_ALL).ready))
    this.alarms.length = 0
  }

  /**
   * Node 3 gets its old data again. It does not run, and what it has voted for since is forgotten: so the other two first
   * agree on everything by themselves, and one of them leads.
   */
  async restore(): Promise<void> {
    await until('nodes 1 and 2 to agree', () => this.#othersAgree())
    rmSync(this.cluster.dataDir(HARMED), { recursive: true, force: true })
    cpSync(this.baseDir, this.cluster.dataDir(HARMED), { recursive: true })
  }

  /** Some keys get other values, or none. */
  async writeSome(nodeId: number, count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.#write(nodeId, this.#anyKey())
  }

  status(nodeId: number): Promise<NodeStatus> {
    return this.cluster.client.status<NodeStatus>(nodeId)
  }

  /** The promises of node 3's groups, as its logs say. */
  async heads(): Promise<number[]> {
    const { status, body } = await this.cluster.client.send(HARMED, 'GET', `/heads?stores=${this.#base.stores}`)
    if (status !== 200) throw new Error(`GET /heads gave ${status}: ${body}`)
    return JSON.parse(body) as number[]
  }

  async #othersAgree(): Promise<boolean> {
    const [one, other] = await Promise.all(OTHERS.map((nodeId) => this.status(nodeId)))
    let agree = true
    for (const [group, view] of one!.groups.entries()) {
      const twin = other!.groups[group]!
      const isSame = view.chosenUpTo === twin.chosenUpTo && view.leader === twin.leader
      const isQuiet = [view, twin].every((v) => v.executedUpTo === v.chosenUpTo && v.lastAccepted === v.chosenUpTo)
      if (isSame && isQuiet && OTHERS.includes(view.leader)) continue
      agree = false
      const key = this.truth.keys.find((candidate) => routeKey(candidate, this.#options.groups) === group)
      if (!OTHERS.includes(view.leader)) await this.#write(OTHERS[0]!, key!)
    }
    return agree
  }

  async #writeAll(keys: string[]): Promise<void> {
    const distinct = [...new Set(keys)]
    const work = async (): Promise<void> => {
      for (let key = distinct.pop(); key !== undefined; key = distinct.pop()) await this.#write(OTHERS[0]!, key)
    }
    await Promise.all(Array.from({ length: PARALLEL }, work))
  }

  /** One write of a key at a time; again while the answer is that it did not take effect, which may stay so. */
  async #write(nodeId: number, key: string): Promise<void> {
    const { random, bytes } = this.#options
    const value = this.truth.now(key) !== undefined && random.chance(REMOVED) ? undefined : this.#value(key, bytes)
    const path = `/kv/${encodeURIComponent(key)}`
    for (const deadline = performance.now() + WRITE_MS; performance.now() < deadline; await sleep(POLL_MS)) {
      const sent = this.cluster.client.send(nodeId, value === undefined ? 'DELETE' : 'PUT', path, value)
      const reply = await sent.catch(() => undefined)
      if (reply?.status === 200) {
        const { version, instance } = JSON.parse(reply.body) as { version: number; instance: number }
        return this.truth.wrote(key, instance, version, value)
      }
      const { outcome } = JSON.parse(reply?.body ?? '{}') as { outcome?: string }
      if (outcome !== 'not-applied') return this.truth.forget(key)
    }
  }

  #value(key: string, bytes: number): string {
    const { random } = this.#options
    let text = `${key}=`
    while (text.length < bytes) text += random.uint32().toString(36)
    return text
  }

  #anyKey(): string {
    const { keys } = this.truth
    return keys[this.#options.random.below(keys.length)]!
  }
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + LIMIT_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    if (await isTrue()) return
  }
  throw new Error(`waited for ${what} for ${LIMIT_MS} ms`)
}
