import { setTimeout as sleep } from 'node:timers/promises'
import { KvCluster } from '../../native-bench/kv/kv-cluster.js'
import { Random } from '../../src/base/random.js'
import { AimedKills, type Shot, type Step } from './aimed-kills.js'
import { alarmIn } from './alarms.js'
import { FilledKeys } from './filled-keys.js'
import { type GroupView, verify } from './verify.js'
import { Witness } from './witness.js'

export interface CheckpointKillOptions {
  /** In all, those that were aimed at a step of a checkpoint and those at any moment. */
  readonly kills: number
  readonly groups: number
  readonly writers: number
  /** Of a group's state: more than the four parts that come before the rate is felt, and some seconds of `FETCH_RATE`. */
  readonly stateBytes: number
  readonly checkpointEvery: number
  /** So many of the kills have to hit the step that they were aimed at. */
  readonly share: number
  readonly seed: number
  readonly log: (line: string) => void
}

const FETCH_RATE = 256 * 1024
const HOLD = 50
const VALUE_BYTES = 8_000
const KEYS_OF_WRITER = 8
const LONGEST_CALM_MS = 500
const WRITES_BETWEEN = 10
const STANDSTILL_MS = 30_000
const TRIMMED_MS = 120_000
const CAUGHT_UP_MS = 120_000
const NEAR = 200
const POLL_MS = 50
/** Kills of the one that receives, in one absence of it. */
const RECEIVING_KILLS = 2

/** kill -9 at any step of a checkpoint: a node comes back with its old state or the new one, and nothing is lost. */
export async function checkpointKillScenario(options: CheckpointKillOptions) {
  const run = await Run.start(options)
  try {
    return await run.all()
  } finally {
    await run.end()
  }
}

class Run {
  readonly #options: CheckpointKillOptions
  readonly #cluster: KvCluster
  readonly #random: Random
  readonly #witness: Witness
  readonly #filled: FilledKeys
  readonly #aimed: AimedKills
  readonly #problems: string[]
  readonly #hits = new Map<Step | 'missed' | 'any moment', number>()
  #slowestStartMs = 0

  private constructor(options: CheckpointKillOptions, cluster: KvCluster, problems: string[]) {
    const { writers, groups, stateBytes, seed } = options
    this.#options = options
    this.#cluster = cluster
    this.#problems = problems
    this.#random = new Random(seed)
    const { client, nodeIds } = cluster
    this.#witness = new Witness({ client, nodeIds, writers, random: this.#random, keysOfWriter: KEYS_OF_WRITER })
    this.#filled = new FilledKeys(Math.ceil((groups * stateBytes) / VALUE_BYTES), VALUE_BYTES)
    this.#aimed = new AimedKills(cluster, groups, this.#random)
  }

  static async start(options: CheckpointKillOptions): Promise<Run> {
    const problems: string[] = []
    const policy = ['--checkpoint-every', String(options.checkpointEvery), '--hold', String(HOLD)]
    const cluster = await KvCluster.start({
      groups: options.groups,
      args: ['--state', 'stored', ...policy, '--fetch-rate', String(FETCH_RATE)],
      onLine: (nodeId, line) => {
        const alarm = alarmIn(nodeId, line)
        if (alarm !== undefined) problems.push(`alarm ${JSON.stringify(alarm)}`)
      },
    })
    return new Run(options, cluster, problems)
  }

  async all() {
    const began = performance.now()
    const { kills } = this.#options
    await this.#filled.write(this.#cluster.client, this.#cluster.nodeIds)
    this.#witness.start()
    await this.#calm()
    while (this.#killed < kills) {
      await this.#absence(this.#anyNode())
      if (this.#killed < kills) await this.#take()
    }
    await this.#witness.stop()
    const verdict = await verify(this.#cluster, [...this.#witness.records, ...this.#filled.records])
    const found = [this.#witness.violations, this.#problems, this.#aimed.flaws, verdict.problems]
    const problems = found.flatMap((list) => list.slice(0, 20))
    const seconds = (performance.now() - began) / 1000
    const hits = Object.fromEntries(this.#hits)
    const aimed = this.#killed - (hits['any moment'] ?? 0) - (hits.missed ?? 0)
    if (aimed * 2 < this.#killed)
      problems.push(`only ${aimed} of ${this.#killed} kills hit the step they were aimed at`)
    const { counts } = this.#witness
    const ok = problems.length === 0
    return {
      ...verdict,
      ok,
      problems,
      kills: this.#killed,
      hits,
      seconds,
      counts,
      slowestStartMs: this.#slowestStartMs,
    }
  }

  async end(): Promise<void> {
    await this.#witness.stop()
    await this.#cluster.end()
  }

  get #killed(): number {
    return [...this.#hits.values()].reduce((sum, count) => sum + count, 0)
  }

  /** A node is away until the others have trimmed what it needs; the checkpoints that it then takes are shot at. */
  async #absence(away: number): Promise<void> {
    const others = this.#cluster.nodeIds.filter((nodeId) => nodeId !== away)
    await this.#aimed.kill(away)
    this.#count('any moment')
    const known = (await this.#groupsOf(others[0]!)).map(({ chosenUpTo }) => chosenUpTo)
    const isTrimmed = async () => {
      const views = await Promise.all(others.map((nodeId) => this.#groupsOf(nodeId)))
      return views.every((view) => view.every(({ group, firstKept }) => firstKept > known[group]!))
    }
    if (!(await within(TRIMMED_MS, isTrimmed))) this.#problems.push(`node ${away} away: the logs were not trimmed`)
    await this.#start(away)
    for (let shot = 0; shot < RECEIVING_KILLS && !this.#isDone; shot++) {
      await this.#note(away, await this.#aimed.receiving(away))
    }
    if (!this.#isDone) {
      const { shot, nodeId } = await this.#aimed.sending(away)
      await this.#note(nodeId, shot)
    }
    if (!this.#isDone) await this.#note(away, await this.#aimed.loading(away))
    const hasCaughtUp = async () => {
      const [own, other] = await Promise.all([this.#groupsOf(away), this.#groupsOf(others[0]!)])
      return own.every(({ group, executedUpTo }) => executedUpTo >= other[group]!.chosenUpTo - NEAR)
    }
    if (!(await within(CAUGHT_UP_MS, hasCaughtUp))) {
      const own = await this.#groupsOf(away).catch(() => [])
      this.#problems.push(`node ${away} did not catch up in ${CAUGHT_UP_MS} ms: ${JSON.stringify(own)}`)
    }
    await this.#calm()
  }

  async #take(): Promise<void> {
    const nodeId = this.#anyNode()
    await this.#note(nodeId, await this.#aimed.taking(nodeId))
    await this.#calm()
  }

  /** The node was killed, unless there was nothing to shoot at. */
  async #note(nodeId: number, shot: Shot): Promise<void> {
    if (shot === undefined) return
    this.#count(shot)
    await this.#start(nodeId)
  }

  async #start(nodeId: number): Promise<void> {
    const asked = performance.now()
    await this.#cluster.spawn(nodeId).ready
    this.#slowestStartMs = Math.max(this.#slowestStartMs, performance.now() - asked)
  }

  #count(what: Step | 'missed' | 'any moment'): void {
    this.#hits.set(what, (this.#hits.get(what) ?? 0) + 1)
    const { acknowledged, unknown } = this.#witness.counts
    const { log } = this.#options
    log(
      `kill ${this.#killed}: ${what}; ${acknowledged} acknowledged, ${unknown} unknown, ${this.#problems.length} problems`,
    )
  }

  async #calm(): Promise<void> {
    if (!(await this.#witness.progress(WRITES_BETWEEN, STANDSTILL_MS)))
      this.#problems.push(`no ${WRITES_BETWEEN} writes in ${STANDSTILL_MS} ms after kill ${this.#killed}`)
    await sleep(this.#random.between(0, LONGEST_CALM_MS))
  }

  get #isDone(): boolean {
    return this.#killed >= this.#options.kills
  }

  #anyNode(): number {
    const { nodeIds } = this.#cluster
    return nodeIds[this.#random.below(nodeIds.length)]!
  }

  async #groupsOf(nodeId: number): Promise<readonly (GroupView & { readonly firstKept: number })[]> {
    const { client } = this.#cluster
    return (await client.status<{ groups: readonly (GroupView & { readonly firstKept: number })[] }>(nodeId)).groups
  }
}

async function within(limitMs: number, isTrue: () => Promise<boolean>): Promise<boolean> {
  for (const deadline = performance.now() + limitMs; performance.now() < deadline; await sleep(POLL_MS)) {
    if (await isTrue()) return true
  }
  return false
}
