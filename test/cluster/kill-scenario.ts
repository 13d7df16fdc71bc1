import { setTimeout as sleep } from 'node:timers/promises'
import { KvCluster } from '../../native-bench/kv/kv-cluster.js'
import { Random } from '../../src/base/random.js'
import { type Verdict, verify } from './verify.js'
import { Witness, type WitnessCounts } from './witness.js'

export interface KillOptions {
  /** Kills of one node at a time. */
  readonly kills: number
  /** Kills of all nodes at once. */
  readonly allKills: number
  readonly groups: number
  readonly writers: number
  readonly seed: number
  readonly log: (line: string) => void
}

export interface KillResult extends Verdict {
  readonly ok: boolean
  readonly kills: number
  readonly allKills: number
  readonly seconds: number
  readonly counts: WitnessCounts
  /** Waits for so many writes that got none in the time below. */
  readonly standstills: number
  readonly slowestStartMs: number
}

/** How long the load runs undisturbed between two kills, at the most. */
const LONGEST_CALM_MS = 600
const LONGEST_AWAY_MS = 300
/** A share of the kills hits a node that is just starting. */
const DURING_START = 0.2
const LONGEST_START_MS = 700
/** After each kill the load has to get so many writes through. */
const WRITES_BETWEEN = 20
const STANDSTILL_MS = 20_000

/** kill -9 at random moments under load; what an outside client was told must hold at the end. */
export async function killScenario(options: KillOptions): Promise<KillResult> {
  const { kills, allKills, groups, writers, seed, log } = options
  const random = new Random(seed)
  const began = performance.now()
  const cluster = await KvCluster.start({ groups })
  const { client, nodeIds } = cluster
  const witness = new Witness({ client, nodeIds, writers, random })
  let standstills = 0
  let slowestStartMs = 0
  const restart = async (ids: readonly number[]): Promise<void> => {
    const asked = performance.now()
    await Promise.all(ids.map((nodeId) => cluster.spawn(nodeId).ready))
    slowestStartMs = Math.max(slowestStartMs, performance.now() - asked)
  }
  const killOne = async (): Promise<number> => {
    const nodeId = nodeIds[random.below(nodeIds.length)]!
    await cluster.process(nodeId).kill()
    await sleep(random.between(0, LONGEST_AWAY_MS))
    if (!random.chance(DURING_START)) {
      await restart([nodeId])
      return 1
    }
    cluster.spawn(nodeId)
    await sleep(random.between(0, LONGEST_START_MS))
    await cluster.process(nodeId).kill()
    await restart([nodeId])
    return 2
  }
  const killAll = async (): Promise<void> => {
    await Promise.all(nodeIds.map((nodeId) => cluster.process(nodeId).kill()))
    await restart(nodeIds)
  }
  const calm = async (done: string): Promise<void> => {
    if (!(await witness.progress(WRITES_BETWEEN, STANDSTILL_MS))) standstills++
    await sleep(random.between(0, LONGEST_CALM_MS))
    const { acknowledged, unknown, notApplied } = witness.counts
    log(`${done}: ${acknowledged} acknowledged, ${unknown} unknown, ${notApplied} refused, ${standstills} standstills`)
  }
  try {
    witness.start()
    await calm('started')
    let killed = 0
    while (killed < kills) {
      killed += await killOne()
      await calm(`kill ${killed}`)
    }
    for (let round = 1; round <= allKills; round++) {
      await killAll()
      await calm(`all killed, ${round}`)
    }
    await witness.stop()
    const verdict = await verify(cluster, witness.records)
    const { lost, doubled, chainsEqual } = verdict
    const problems = [...witness.violations.slice(0, 20), ...verdict.problems]
    return {
      ...verdict,
      ok: lost === 0 && doubled === 0 && chainsEqual && standstills === 0 && problems.length === 0,
      problems,
      kills: killed,
      allKills,
      seconds: (performance.now() - began) / 1000,
      counts: witness.counts,
      standstills,
      slowestStartMs,
    }
  } finally {
    await witness.stop()
    await cluster.end()
  }
}
