import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeStatus, PaxosNode, StageProbe } from '../../src/index.js'
import { Profiler } from './profiler.js'
import { type ThreadTime, threadTimes } from './thread-times.js'

/** How a node and the threads of its process stand: two of these are a budget. */
export interface NodeView {
  readonly node: number
  /** Milliseconds of the process. */
  readonly cpuMs: number
  /** Groups that it leads, as far as it knows. */
  readonly leads: number
  readonly main: NodeStatus['main']
  readonly workers: NodeStatus['workers']
  readonly threads: Record<number, ThreadTime>
  readonly mainThread: number
}

/** When a peer of the leader had an instance, and had it on disk; null: forgotten (undefined is lost on the way between processes). */
export type PeerTimes = readonly [accepted: number | null, committed: number | null]

export type InsightRequest =
  | { readonly what: 'view' }
  | { readonly what: 'samples' }
  | { readonly what: 'peer-times'; readonly of: readonly (readonly [group: number, instance: number])[] }
  | { readonly what: 'start-profile' }
  | { readonly what: 'stop-profile'; readonly dir: string }

/** What one process of the cluster tells of its node and of its threads. */
export class NodeInsight {
  readonly #nodeId: number
  #probe: StageProbe | undefined
  #profiler: Profiler | undefined

  constructor(nodeId: number) {
    this.#nodeId = nodeId
  }

  /** For `testing.onStages`. */
  readonly onStages = (probe: StageProbe): void => {
    this.#probe = probe
  }

  async answer(node: PaxosNode, request: InsightRequest): Promise<unknown> {
    switch (request.what) {
      case 'view':
        return this.#view(node)
      case 'samples':
        return this.#probe?.take() ?? []
      case 'peer-times':
        return request.of.map((asked) => this.#peerTimes(...asked))
      case 'start-profile':
        this.#profiler = new Profiler()
        return this.#profiler.start()
      case 'stop-profile':
        return this.#stopProfile(request.dir)
    }
  }

  #view(node: PaxosNode): NodeView {
    const { main, workers, groups } = node.status()
    const { user, system } = process.cpuUsage()
    return {
      node: this.#nodeId,
      cpuMs: (user + system) / 1000,
      leads: groups.filter(({ leader }) => leader === this.#nodeId).length,
      main,
      workers,
      threads: threadTimes(),
      mainThread: process.pid,
    }
  }

  #peerTimes(group: number, instance: number): PeerTimes {
    const at = (stage: 'accepted' | 'committed') => this.#probe?.timeOf(group, stage, instance) ?? null
    return [at('accepted'), at('committed')]
  }

  /** Writes one file for each thread into a directory that is there. */
  async #stopProfile(dir: string): Promise<string[]> {
    const profiles = (await this.#profiler?.stop()) ?? []
    return profiles.map(({ thread, profile }) => {
      const path = join(dir, `node-${this.#nodeId}-${thread}.cpuprofile`)
      writeFileSync(path, JSON.stringify(profile))
      return path
    })
  }
}
