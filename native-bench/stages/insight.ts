import { mkdirSync } from 'node:fs'
import type { StageSample } from '../../src/index.js'
import type { Cluster } from '../cluster.js'
import type { Figures, Watch } from '../measure.js'
import { commandPaths, type LedSample } from './command-path.js'
import type { InsightRequest, NodeView, PeerTimes } from './node-insight.js'
import { profileSummary } from './profile-summary.js'
import { timeBudget } from './time-budget.js'

export interface InsightOptions {
  readonly nodes: number
  readonly stages?: boolean
  readonly profile?: string | undefined
}

/** Peers are asked before they forget. */
const COLLECT_MS = 100

/** Looks where the time goes while a cluster is measured: single commands, threads, and functions. */
export class Insight implements Watch {
  readonly #cluster: Cluster
  readonly #options: InsightOptions
  readonly #nodes: readonly number[]
  readonly #led: LedSample[] = []
  #before: NodeView[] = []
  #after: NodeView[] = []
  #profiles: string[] = []
  #beganAt = 0
  #seconds = 0
  #timer: NodeJS.Timeout | undefined

  constructor(cluster: Cluster, options: InsightOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#nodes = Array.from({ length: options.nodes }, (_, i) => i + 1)
  }

  async begin(): Promise<void> {
    const { profile: dir } = this.#options
    if (dir !== undefined) {
      // What is wrong with it is better said now than after the measurement.
      mkdirSync(dir, { recursive: true })
      await this.#all({ what: 'start-profile' })
    }
    // What was followed during the warm-up.
    await this.#cluster.insight(1, { what: 'samples' })
    // A node that is gone ends the measurement by itself: it has nothing to tell here any more.
    const collect = () => void this.#collect().catch(() => clearInterval(this.#timer))
    if (this.#options.stages) this.#timer = setInterval(collect, COLLECT_MS)
    this.#before = await this.#all({ what: 'view' })
    this.#beganAt = performance.now()
  }

  async end(): Promise<void> {
    this.#after = await this.#all({ what: 'view' })
    this.#seconds = (performance.now() - this.#beganAt) / 1000
    clearInterval(this.#timer)
    if (this.#options.stages) await this.#collect()
    const { profile: dir } = this.#options
    if (dir !== undefined) this.#profiles = (await this.#all<string[]>({ what: 'stop-profile', dir })).flat()
  }

  report({ commands }: Figures): string {
    const parts: string[] = []
    if (this.#options.stages) {
      parts.push(commandPaths(this.#led))
      // The leader of the load, and one that follows.
      for (const i of this.#nodes.slice(0, 2).keys()) {
        parts.push(timeBudget(this.#before[i]!, this.#after[i]!, commands, this.#seconds))
      }
    }
    if (this.#options.profile !== undefined) {
      parts.push(
        `${this.#profiles.length} CPU profiles are in ${this.#options.profile}\n${profileSummary(this.#profiles)}`,
      )
    }
    return parts.join('\n\n')
  }

  async #collect(): Promise<void> {
    const samples = await this.#cluster.insight<StageSample[]>(1, { what: 'samples' })
    if (samples.length === 0) return
    const request: InsightRequest = {
      what: 'peer-times',
      of: samples.map(({ group, instance }) => [group, instance] as const),
    }
    const others = this.#nodes.slice(1)
    const times = await Promise.all(others.map((node) => this.#cluster.insight<PeerTimes[]>(node, request)))
    for (const [i, sample] of samples.entries()) this.#led.push({ sample, peers: times.map((ofPeer) => ofPeer[i]!) })
  }

  #all<T = NodeView>(request: InsightRequest): Promise<T[]> {
    return Promise.all(this.#nodes.map((node) => this.#cluster.insight<T>(node, request)))
  }
}
