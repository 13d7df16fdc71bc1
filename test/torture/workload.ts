import { setTimeout as sleep } from 'node:timers/promises'
import type { KvClient } from '../../native-bench/kv/kv-client.js'
import type { Random } from '../../src/base/random.js'
import { routeKey } from '../../src/host/routing.js'
import { KeyHistory } from './key-history.js'
import { call, type Request } from './kv-calls.js'

export interface WorkloadOptions {
  readonly client: KvClient
  readonly nodeIds: readonly number[]
  readonly groups: number
  readonly clients: number
  /** About so many operations a second, as long as nothing is slow. */
  readonly rate: number
  readonly random: Random
}

export interface WorkloadCounts {
  /** With an answer. */
  ok: number
  /** Writes whose end nobody knows, and reads without an answer. */
  unknown: number
  /** With the word that it has no effect. */
  failed: number
}

const KEYS_PER_GROUP = 3
/** Then the key is left for a new one: its history is to be checked in a short time. */
const MOST_OPERATIONS = 400
const MOST_UNKNOWN = 8
const PAUSE_AFTER_FAILURE_MS = 50
/** One value in so many is long. */
const LONG_EVERY = 50
const LONG_BYTES = 8_000
/** Keys are deleted in this group only: see `KeyHistory.versions`. */
const DELETING_GROUP = 0

/** Clients that read and write a few hot keys through all nodes, and record what they were told. */
export class Workload {
  readonly histories: KeyHistory[] = []
  readonly counts: WorkloadCounts = { ok: 0, unknown: 0, failed: 0 }
  /** Why calls did not end well, with how many of them. */
  readonly reasons = new Map<string, number>()
  /** Acknowledged writes of each group. */
  readonly written: number[]
  readonly #options: WorkloadOptions
  readonly #live: KeyHistory[]
  #clock = 0
  #names = 0
  #values = 0
  #running: Promise<void>[] = []
  #stopping = true

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.written = Array.from({ length: options.groups }, () => 0)
    const places = Array.from({ length: options.groups * KEYS_PER_GROUP }, (_, place) => place % options.groups)
    this.#live = places.map((group) => this.#newKey(group))
  }

  start(): void {
    this.#stopping = false
    this.#running = Array.from({ length: this.#options.clients }, () => this.#run())
  }

  /** Resolves when every call has ended. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#running)
  }

  /** A quorum read of one more caller, recorded like all others. False: there was no answer. */
  async readOnce(history: KeyHistory, nodeId: number): Promise<boolean> {
    return this.#record(history, nodeId, { kind: 'get' })
  }

  async #run(): Promise<void> {
    const { random, clients, rate, nodeIds } = this.#options
    while (!this.#stopping) {
      const place = random.below(this.#live.length)
      const history = this.#fresh(place)
      const nodeId = nodeIds[random.below(nodeIds.length)]!
      const ended = await this.#record(history, nodeId, this.#draw(history))
      const pause = random.between(0, (2 * clients * 1000) / rate)
      await sleep(ended ? pause : pause + PAUSE_AFTER_FAILURE_MS)
    }
  }

  /** The key of a place, or a new one if that has enough. */
  #fresh(place: number): KeyHistory {
    const history = this.#live[place]!
    const { operations, open, unknown, group } = history
    if (operations.length + open < MOST_OPERATIONS && unknown < MOST_UNKNOWN) return history
    const next = this.#newKey(group)
    this.#live[place] = next
    return next
  }

  #newKey(group: number): KeyHistory {
    for (;;) {
      const key = `key-${this.#names++}`
      if (routeKey(key, this.#options.groups) !== group) continue
      const history = new KeyHistory(key, group, group === DELETING_GROUP ? 'shared' : 'own')
      this.histories.push(history)
      return history
    }
  }

  #draw({ lastVersion, versions }: KeyHistory): Request {
    const { random } = this.#options
    const number = this.#values++
    const value = `${number}${number % LONG_EVERY === 0 ? '-'.repeat(LONG_BYTES) : ''}`
    const draw = random.below(100)
    if (draw < 40) return { kind: 'get' }
    if (draw < 65) return { kind: 'put', value }
    if (versions === 'shared' && draw < 73) return { kind: 'delete' }
    const ifVersion = random.chance(0.8) ? lastVersion : random.below(lastVersion + 2)
    return { kind: 'compare-and-set', value, ifVersion }
  }

  /** False: it did not end well. */
  async #record(history: KeyHistory, nodeId: number, request: Request): Promise<boolean> {
    const { client } = this.#options
    history.open++
    const begin = ++this.#clock
    const end = await call(client, nodeId, history.key, request)
    history.open--
    if (end.kind === 'answered') {
      this.counts.ok++
      history.operations.push({ call: begin, end: ++this.#clock, action: end.action })
      history.lastVersion = end.version ?? history.lastVersion
      if (end.action.kind !== 'get' && end.action.answer?.kind === 'done') this.written[history.group]!++
      return true
    }
    this.reasons.set(end.why, (this.reasons.get(end.why) ?? 0) + 1)
    if (end.kind === 'not-applied') {
      this.counts.failed++
      return false
    }
    this.counts.unknown++
    if (request.kind === 'get') return false
    history.unknown++
    history.operations.push({ call: begin, end: Number.POSITIVE_INFINITY, action: request })
    return false
  }
}
