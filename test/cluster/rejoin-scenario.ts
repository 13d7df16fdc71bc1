import { setTimeout as sleep } from 'node:timers/promises'
import { KvCluster } from '../../native-bench/kv/kv-cluster.js'
import { Random } from '../../src/base/random.js'
import type { GroupView } from '../../src/index.js'
import { alarmIn, type LoggedAlarm } from './alarms.js'
import { FilledKeys } from './filled-keys.js'
import { verify } from './verify.js'
import { Witness } from './witness.js'

export interface RejoinOptions {
  readonly groups: number
  /** What makes the state large: so many keys, written once, with values of so many bytes. */
  readonly keys: number
  readonly bytes: number
  readonly writers: number
  readonly checkpointEvery: number
  readonly hold: number
  /** The load is measured for so long, once it has been on for as long, and again before the node comes back. */
  readonly windowMs: number
  /** While the node rejoins, the load must keep this share of its rate with all nodes: all of them are on one machine. */
  readonly share: number
  readonly seed: number
  readonly log: (line: string) => void
}

const AWAY = 3
const STAYING = [1, 2]
/** Together they meet every group. */
const KEYS_OF_WRITER = 64
const POLL_MS = 50
/** Caught up: no further behind than what the status of one node is older than the other's. */
const NEAR = 200
const LIMIT_MS = 600_000

/** A node is away until no log has what it needs, and comes back by checkpoints while the load goes on. */
export async function rejoinScenario(options: RejoinOptions) {
  const { groups, keys, bytes, writers, checkpointEvery, hold, windowMs, share, seed, log } = options
  const alarms: LoggedAlarm[] = []
  const cluster = await KvCluster.start({
    groups,
    args: ['--state', 'stored', '--checkpoint-every', String(checkpointEvery), '--hold', String(hold)],
    onLine: (nodeId, line) => {
      const alarm = alarmIn(nodeId, line)
      if (alarm !== undefined) alarms.push(alarm)
    },
  })
  const { client } = cluster
  const witness = new Witness({
    client,
    nodeIds: STAYING,
    writers,
    random: new Random(seed),
    keysOfWriter: KEYS_OF_WRITER,
  })
  const done = () => witness.counts.acknowledged + witness.counts.reads
  const rateOf = async (body: () => Promise<void>): Promise<number> => {
    const before = done()
    const began = performance.now()
    await body()
    return ((done() - before) * 1000) / (performance.now() - began)
  }
  try {
    const filled = new FilledKeys(keys, bytes)
    await filled.write(client, STAYING)
    log(`filled with ${keys} keys of ${bytes} bytes`)
    witness.start()
    await sleep(windowMs)
    const whole = await rateOf(() => sleep(windowMs))
    const lives = cluster.nodeIds.map((nodeId) => cluster.process(nodeId))
    await lives[AWAY - 1]!.kill()
    const known = (await groupsOf(cluster, STAYING[0]!)).map(({ chosenUpTo }) => chosenUpTo)
    const trimmed = await within(async () => {
      const views = await Promise.all(STAYING.map((nodeId) => groupsOf(cluster, nodeId)))
      return views.every((view) => view.every(({ group, firstKept }) => firstKept > known[group]!))
    })
    const away = await rateOf(() => sleep(windowMs))
    log(`${Math.round(whole)} operations/s with all nodes, ${Math.round(away)} with one away until all is trimmed`)
    const rejoin = new Rejoin(cluster, known)
    lives[AWAY - 1] = cluster.spawn(AWAY)
    const began = performance.now()
    let rejoined = false
    const meanwhile = await rateOf(async () => {
      await lives[AWAY - 1]!.ready
      rejoined = await within(() => rejoin.look())
    })
    const seconds = (performance.now() - began) / 1000
    log(`${Math.round(meanwhile)} operations/s for the ${seconds.toFixed(1)} s until all groups had caught up`)
    await witness.stop()
    const verdict = await verify(cluster, [...witness.records, ...filled.records])
    const ended = lives.filter((life) => !life.isRunning).length
    const loaded = rejoin.loaded.size
    const problems = [...witness.violations.slice(0, 20), ...verdict.problems, ...alarms.map((a) => JSON.stringify(a))]
    if (!trimmed) problems.push('the logs were not trimmed beyond what the node has')
    if (!rejoined) problems.push(`the node did not catch up in ${LIMIT_MS} ms`)
    if (loaded < groups) problems.push(`only ${loaded} of ${groups} groups were loaded from a checkpoint`)
    if (ended > 0) problems.push(`${ended} processes ended by themselves`)
    const ratio = meanwhile / whole
    if (ratio < share) problems.push(`only ${ratio.toFixed(2)} of the load went on while the node rejoined`)
    const rates = { whole, away, meanwhile }
    return { ...verdict, ok: problems.length === 0, problems, rates, ratio, seconds, loaded, counts: witness.counts }
  } finally {
    await witness.stop()
    await cluster.end()
  }
}

/** What the node that comes back says of itself. */
class Rejoin {
  /** Groups whose log began with a checkpoint, behind all that the node had. */
  readonly loaded = new Set<number>()
  readonly #cluster: KvCluster
  readonly #known: readonly number[]

  constructor(cluster: KvCluster, known: readonly number[]) {
    this.#cluster = cluster
    this.#known = known
  }

  /** True when it is as far as the others in every group. */
  async look(): Promise<boolean> {
    const [own, others] = await Promise.all([groupsOf(this.#cluster, AWAY), groupsOf(this.#cluster, STAYING[0]!)])
    for (const { group, firstKept, checkpoint } of own) {
      if (checkpoint > this.#known[group]! && firstKept === checkpoint + 1) this.loaded.add(group)
    }
    return own.every(({ group, executedUpTo }) => executedUpTo >= others[group]!.chosenUpTo - NEAR)
  }
}

async function groupsOf({ client }: KvCluster, nodeId: number): Promise<readonly GroupView[]> {
  return (await client.status<{ readonly groups: readonly GroupView[] }>(nodeId)).groups
}

async function within(isTrue: () => Promise<boolean>): Promise<boolean> {
  for (const deadline = performance.now() + LIMIT_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    if (await isTrue()) return true
  }
  return false
}
