import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KvCluster } from '../../native-bench/kv/kv-cluster.js'
import type { Random } from '../../src/base/random.js'
import {
  checkpointFolders,
  entryIn,
  hasCheckpoint,
  type Incoming,
  incomingIn,
  isBeingMade,
  isStillIncoming,
} from './checkpoint-folders.js'
import { flaws, readDisk } from './disk-view.js'

/** What was under way when a node was killed, as its disk shows afterwards. */
export type Step =
  | 'taking'
  | 'sending'
  | 'receiving'
  /** All of it was there, and the log did not say so yet. */
  | 'loading, log old'
  /** The log began behind it, and the state was the old one. */
  | 'loading, state old'

/** `missed`: the step was over before the kill; undefined: it did not come in time, and nobody was killed. */
export type Shot = Step | 'missed' | undefined

const WAIT_MS = 15_000
const POLL_MS = 5
const LONGEST_TAKING_MS = 8
const LONGEST_RECEIVING_MS = 3_000
const LONGEST_SENDING_MS = 1_500

/** kill -9 while a checkpoint is being made, sent, received or loaded, seen by what lies in the data directories. */
export class AimedKills {
  /** What a kill left on a disk and may not. */
  readonly flaws: string[] = []
  readonly #cluster: KvCluster
  readonly #groups: number
  readonly #random: Random
  /** How long loading is thought to take up to the log's commit: the shots close in on that. */
  #loadingMs = 20

  constructor(cluster: KvCluster, groups: number, random: Random) {
    this.#cluster = cluster
    this.#groups = groups
    this.#random = random
  }

  /** And looks at what it left. */
  async kill(nodeId: number): Promise<void> {
    const life = this.#cluster.process(nodeId)
    if (!life.isRunning) this.flaws.push(`node ${nodeId} ended with ${await life.exited}\n${life.output}`)
    await life.kill()
    const found = readDisk(this.#cluster.dataDir(nodeId), this.#groups).flatMap(flaws)
    this.flaws.push(...found.map((flaw) => `node ${nodeId}, ${flaw}`))
  }

  async taking(nodeId: number): Promise<Shot> {
    const dataDir = this.#cluster.dataDir(nodeId)
    const isMaking = (path: string) => basename(path).startsWith('writing-')
    if ((await entryIn(checkpointFolders(dataDir), isMaking, WAIT_MS)) === undefined) return undefined
    await this.#wait(LONGEST_TAKING_MS)
    await this.kill(nodeId)
    return isBeingMade(dataDir) ? 'taking' : 'missed'
  }

  async receiving(nodeId: number): Promise<Shot> {
    const incoming = await this.#incoming(nodeId)
    if (incoming === undefined) return undefined
    await this.#wait(LONGEST_RECEIVING_MS)
    await this.kill(nodeId)
    return incomingIn(this.#cluster.dataDir(nodeId)).length > 0 ? 'receiving' : 'missed'
  }

  /** Kills the one that sends to `receiver`, and returns who that was. */
  async sending(receiver: number): Promise<{ readonly shot: Shot; readonly nodeId: number }> {
    const dataDir = this.#cluster.dataDir(receiver)
    if ((await this.#incoming(receiver)) === undefined) return { shot: undefined, nodeId: 0 }
    await this.#wait(LONGEST_SENDING_MS)
    const [incoming] = incomingIn(dataDir)
    const isSource = (nodeId: number): boolean =>
      nodeId !== receiver && incoming !== undefined && hasCheckpoint(this.#cluster.dataDir(nodeId), incoming)
    const source = this.#cluster.nodeIds.find(isSource)
    if (incoming === undefined || source === undefined) return { shot: undefined, nodeId: 0 }
    this.#cluster.process(source).signal('SIGKILL')
    // At once: when the receiver notices, it turns to another source.
    const shot = isStillIncoming(incoming) ? 'sending' : 'missed'
    await this.kill(source)
    return { shot, nodeId: source }
  }

  async loading(nodeId: number): Promise<Shot> {
    const dataDir = this.#cluster.dataDir(nodeId)
    const incoming = await this.#incoming(nodeId)
    if (incoming === undefined) return undefined
    const whole = await entryIn([incoming.folder], (path) => path === incoming.place, WAIT_MS)
    if (whole === undefined) return undefined
    await sleep(this.#loadingMs * this.#random.between(0.5, 1.5))
    await this.kill(nodeId)
    const { group, instance } = incoming
    const { head, executedUpTo } = readDisk(dataDir, this.#groups)[group]!
    if (executedUpTo >= instance || !existsSync(incoming.place)) {
      this.#loadingMs /= 1.5
      return 'missed'
    }
    if (head.firstKept > instance) return 'loading, state old'
    this.#loadingMs *= 1.5
    return 'loading, log old'
  }

  #wait(longestMs: number): Promise<void> {
    return sleep(this.#random.between(0, longestMs))
  }

  async #incoming(nodeId: number): Promise<Incoming | undefined> {
    const dataDir = this.#cluster.dataDir(nodeId)
    for (const deadline = performance.now() + WAIT_MS; performance.now() < deadline; await sleep(POLL_MS)) {
      const [incoming] = incomingIn(dataDir)
      if (incoming !== undefined && this.#cluster.process(nodeId).isRunning) return incoming
    }
    return undefined
  }
}
