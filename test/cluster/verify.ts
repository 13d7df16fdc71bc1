import { setTimeout as sleep } from 'node:timers/promises'
import type { KvCluster } from '../../native-bench/kv/kv-cluster.js'
import type { KeyRecord } from './witness.js'

/** What of GET /status the comparison needs. */
export interface StatusView {
  readonly groups: readonly GroupView[]
}

export interface GroupView {
  readonly group: number
  readonly chosenUpTo: number
  readonly executedUpTo: number
  readonly chain: number
  readonly digest: number
  readonly digestAt: number
  /** 0: none in sight. */
  readonly leader: number
}

export interface Verdict {
  readonly keys: number
  /** Acknowledged writes that a node does not have. */
  readonly lost: number
  /** Writes that a node has executed more than once. */
  readonly doubled: number
  readonly chainsEqual: boolean
  readonly problems: readonly string[]
}

const POLL_MS = 100
const SHOWN = 20
const PARALLEL = 32

/** All nodes are up and the load has ended: they come to one position, and hold what the clients were told. */
export async function verify(cluster: KvCluster, records: readonly KeyRecord[], timeoutMs = 60_000): Promise<Verdict> {
  const problems = await waitForEqualChains(cluster, timeoutMs)
  const chainsEqual = problems.length === 0
  let lost = 0
  let doubled = 0
  const check = async (record: KeyRecord): Promise<void> => {
    for (const nodeId of cluster.nodeIds) {
      // Statuses are up to 100 ms old and may be equal too early: this waits until the node has all acknowledged.
      await cluster.client.get(nodeId, record.key, 'quorum')
      const { version = 0, body, status } = await cluster.client.get(nodeId, record.key, 'local')
      const problem = judge(record, version, status === 200 ? body : undefined)
      if (problem === undefined) continue
      if (problem.kind === 'lost') lost++
      else doubled++
      problems.push(`node ${nodeId}, ${problem.kind}: ${problem.text}`)
    }
  }
  const queue = [...records]
  const checkAll = async (): Promise<void> => {
    for (let record = queue.pop(); record !== undefined; record = queue.pop()) await check(record)
  }
  await Promise.all(Array.from({ length: PARALLEL }, checkAll))
  return { keys: records.length, lost, doubled, chainsEqual, problems: problems.slice(0, SHOWN) }
}

interface Problem {
  readonly kind: 'lost' | 'doubled'
  readonly text: string
}

/** What one node holds of one key, against what its writer knows; undefined if they fit. */
export function judge(
  record: Omit<KeyRecord, 'byPut'>,
  version: number,
  value: string | undefined,
): Problem | undefined {
  const { key, acknowledged, unknownValue } = record
  const text = `${key} has version ${version} and value ${value}, after ${acknowledged} acknowledged writes`
  if (version === acknowledged) return value === record.value ? undefined : { kind: 'lost', text }
  if (version < acknowledged) return { kind: 'lost', text }
  return version === acknowledged + 1 && value === unknownValue ? undefined : { kind: 'doubled', text }
}

/** Empty when all chains and digests are equal in time; else what differs then. */
async function waitForEqualChains(cluster: KvCluster, timeoutMs: number): Promise<string[]> {
  for (const deadline = performance.now() + timeoutMs; ; await sleep(POLL_MS)) {
    const found = await differences(cluster)
    if (found.length === 0 || performance.now() > deadline) return found
  }
}

async function differences(cluster: KvCluster): Promise<string[]> {
  const statuses = await Promise.all(cluster.nodeIds.map((nodeId) => cluster.client.status<StatusView>(nodeId)))
  const [first] = statuses
  return statuses.flatMap(({ groups }, i) =>
    groups.flatMap((group, g) => {
      const expected = first!.groups[g]!
      const same = (['chosenUpTo', 'executedUpTo', 'chain', 'digest', 'digestAt'] as const).every(
        (name) => group[name] === expected[name],
      )
      if (same && group.chosenUpTo === group.executedUpTo) return []
      return [`group ${g}: node 1 ${JSON.stringify(expected)}, node ${i + 1} ${JSON.stringify(group)}`]
    }),
  )
}
