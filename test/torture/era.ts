import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../src/base/random.js'
import { Judge } from './judge.js'
import type { KeyHistory } from './key-history.js'
import { Nemesis } from './nemesis.js'
import { settle } from './settle.js'
import type { Stage } from './stage.js'
import type { Tally } from './tally.js'
import { TortureCluster } from './torture-cluster.js'
import { Workload, type WorkloadCounts } from './workload.js'

export interface EraOptions {
  readonly dir: string
  readonly number: number
  readonly seed: number
  readonly nodes: number
  readonly groups: number
  readonly clients: number
  readonly rate: number
  /** How long the nemesis acts, about. */
  readonly ms: number
  readonly roundMs: number
  readonly main: string | undefined
  readonly shimLibrary: string | undefined
  readonly tally: Tally
  readonly progress: (line: string) => void
}

export interface EraResult {
  readonly counts: WorkloadCounts
  readonly reasons: ReadonlyMap<string, number>
  readonly checked: number
  readonly undecided: number
  readonly bornWithSmallDisk: boolean
}

/** Alarms that nothing done here explains: whatever fails below a store, no node may contradict or damage itself. */
const NEVER = new Set([
  'GROUP_FAILED',
  'EXECUTE_FAILED',
  'CHAIN_MISMATCH',
  'CONTRADICTED',
  'GROUP_DAMAGED',
  'STORE_DAMAGED',
  'RECORD_DAMAGED',
  'MANIFEST_DAMAGED',
  'STORE_FOREIGN',
  'DATA_DIR_IN_USE',
  'VOTER_UNKNOWN',
])
/** Alarms that come with a fault of the disk, and with nothing else. */
const OF_A_DISK = new Set(['STORAGE_FAILED', 'DISK_FULL'])

/** The life of one cluster, from birth under load to the check of all it said. */
export async function runEra(options: EraOptions): Promise<EraResult> {
  const { dir, number, seed, nodes, groups, clients, rate, ms, roundMs, main, shimLibrary, tally, progress } = options
  mkdirSync(dir, { recursive: true })
  const random = new Random(seed)
  const events = createWriteStream(join(dir, 'events.log'))
  const began = performance.now()
  const log = (line: string): void => {
    events.write(`${((performance.now() - began) / 1000).toFixed(3)} ${line}\n`)
  }
  const expected = new Map<number, string>()
  const onAlarm = (nodeId: number, code: string, line: string): void => {
    tally.alarms.set(code, (tally.alarms.get(code) ?? 0) + 1)
    log(`alarm of ${nodeId}: ${line}`)
    if (!NEVER.has(code) && (!OF_A_DISK.has(code) || expected.get(nodeId) === code)) return
    tally.problems.push(`era ${number}: alarm of node ${nodeId}: ${line}`)
  }
  const onLost = (nodeId: number, end: string): void => {
    log(`node ${nodeId} ended by itself with ${end}`)
    tally.problems.push(`era ${number}: node ${nodeId} ended by itself with ${end}`)
  }
  const smallDiskOf = 1 + (number % nodes)
  const common = { nodes, groups, dir, main, shimLibrary, smallDiskOf, random: new Random(random.uint32()) }
  const cluster = await TortureCluster.start({ ...common, onAlarm, onLost })
  const judge = new Judge((history, text) => {
    tally.problems.push(`era ${number}: ${text}`)
    keep(dir, history)
  })
  const stage: Stage = { cluster, tally, expected, log }
  const nemesis = new Nemesis(stage, random.uint32())
  const { client, nodeIds } = cluster
  const workload = new Workload({ client, nodeIds, groups, clients, rate, random: new Random(random.uint32()) })
  try {
    // What comes after a problem would only be its consequence.
    const before = tally.problems.length
    for (let round = 1; performance.now() - began < ms && tally.problems.length === before; round++) {
      log(`round ${round}`)
      workload.start()
      await nemesis.act(Math.min(roundMs, Math.max(0, ms - (performance.now() - began))))
      log('faults healed')
      await settle(stage, workload)
      judge.look(workload.histories)
      progress(`era ${number}, round ${round}: ${describe(workload.counts)}`)
    }
    await readAll(workload, cluster, tally)
    tally.count('bent clocks', cluster.bentLives)
  } finally {
    await workload.stop()
    await cluster.end()
    await new Promise((resolve) => events.end(resolve))
  }
  judge.look(workload.histories)
  const { checked, undecided } = judge
  const bornWithSmallDisk = cluster.smallDisk !== undefined
  return { counts: workload.counts, reasons: workload.reasons, checked, undecided, bornWithSmallDisk }
}

const READERS = 16
const TRIES = 5

/** What every node holds of every key in the end becomes part of the key's history. */
async function readAll(workload: Workload, { nodeIds }: TortureCluster, tally: Tally): Promise<void> {
  const queue = workload.histories.flatMap((history) => nodeIds.map((nodeId) => ({ history, nodeId })))
  const reader = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const { history, nodeId } = next
      let tries = 0
      while (tries < TRIES && !(await workload.readOnce(history, nodeId))) tries++
      if (tries === TRIES) tally.problems.push(`node ${nodeId} does not answer a read of ${history.key} in the end`)
    }
  }
  await Promise.all(Array.from({ length: READERS }, reader))
}

function keep(dir: string, { key, versions, operations }: KeyHistory): void {
  // Infinity is no JSON.
  const lines = operations.map((operation) =>
    JSON.stringify({ ...operation, end: operation.end === Number.POSITIVE_INFINITY ? 'unknown' : operation.end }),
  )
  writeFileSync(join(dir, `history-${key}.jsonl`), [JSON.stringify({ key, versions }), ...lines, ''].join('\n'))
}

function describe({ ok, unknown, failed }: WorkloadCounts): string {
  return `operations ${ok} ok, ${unknown} unknown, ${failed} failed`
}
