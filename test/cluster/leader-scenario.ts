import { setTimeout as sleep } from 'node:timers/promises'
import { KvCluster } from '../../native-bench/kv/kv-cluster.js'
import { Random } from '../../src/base/random.js'
import { leaderOfMost, slowestAnswer } from './takeover.js'
import { verify } from './verify.js'
import { Witness } from './witness.js'

export interface StallOptions {
  readonly groups: number
  readonly writers: number
  readonly stopMs: number
  readonly limitMs: number
  readonly seed: number
}

const LOAD_BEFORE = 2_000
const STANDSTILL_MS = 20_000

/** SIGSTOP of the leader under load, then SIGCONT: the others go on, it catches up, nothing is lost or doubled. */
export async function stallScenario({ groups, writers, stopMs, limitMs, seed }: StallOptions) {
  const cluster = await KvCluster.start({ groups })
  const { client, nodeIds } = cluster
  const witness = new Witness({ client, nodeIds, writers, random: new Random(seed) })
  try {
    witness.start()
    await witness.progress(LOAD_BEFORE, STANDSTILL_MS)
    const leader = await leaderOfMost(cluster)
    const others = nodeIds.filter((nodeId) => nodeId !== leader.nodeId)
    cluster.process(leader.nodeId).signal('SIGSTOP')
    const stopped = performance.now()
    const takeoverMs = await slowestAnswer(cluster, others, groups)
    await sleep(Math.max(0, stopMs - (performance.now() - stopped)))
    cluster.process(leader.nodeId).signal('SIGCONT')
    const resumed = performance.now()
    const went = await witness.progress(LOAD_BEFORE, STANDSTILL_MS)
    await witness.stop()
    const verdict = await verify(cluster, witness.records)
    const agreedMs = performance.now() - resumed
    const problems = [...witness.violations.slice(0, 20), ...verdict.problems]
    const ok = problems.length === 0 && takeoverMs <= limitMs && went
    return { ...verdict, ok, problems, ledGroups: leader.groups, takeoverMs, agreedMs, counts: witness.counts }
  } finally {
    await witness.stop()
    await cluster.end()
  }
}

export interface IdleLeaderOptions {
  readonly groups: number
  readonly idleMs: number
  readonly limitMs: number
  readonly rounds: number
}

/** The leader of an idle cluster dies, and nobody has noticed when the next proposal comes. */
export async function idleLeaderScenario({ groups, idleMs, limitMs, rounds }: IdleLeaderOptions) {
  const cluster = await KvCluster.start({ groups })
  const takeoverMs: number[] = []
  const ledGroups: number[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      await slowestAnswer(cluster, cluster.nodeIds.slice(0, 1), groups)
      // Not a wait for something: an idle time is what is to be measured.
      await sleep(idleMs)
      const leader = await leaderOfMost(cluster)
      ledGroups.push(leader.groups)
      await cluster.process(leader.nodeId).kill()
      const others = cluster.nodeIds.filter((nodeId) => nodeId !== leader.nodeId)
      takeoverMs.push(await slowestAnswer(cluster, others, groups))
      await cluster.spawn(leader.nodeId).ready
    }
    const { problems, chainsEqual } = await verify(cluster, [])
    const ok = chainsEqual && takeoverMs.every((ms) => ms <= limitMs)
    return { ok, takeoverMs, ledGroups, chainsEqual, problems }
  } finally {
    await cluster.end()
  }
}
