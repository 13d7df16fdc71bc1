import { setTimeout as sleep } from 'node:timers/promises'
import type { KvCluster } from '../../native-bench/kv/kv-cluster.js'
import type { StatusView } from './verify.js'

/** Enough keys that every group has some. */
const KEYS_PER_GROUP = 8
const GIVE_UP_MS = 20_000

/** The node that leads most groups, as the nodes see it. */
export async function leaderOfMost({ nodeIds, client }: KvCluster): Promise<{ nodeId: number; groups: number }> {
  const { groups } = await client.status<StatusView>(nodeIds[0]!)
  const led = nodeIds.map((nodeId) => ({ nodeId, groups: groups.filter(({ leader }) => leader === nodeId).length }))
  return led.sort((a, b) => b.groups - a.groups)[0]!
}

/**
 * Proposes to every group through every one of the given nodes, at once, and again where the answer is no: how long the
 * last of them took to be written, in milliseconds.
 */
export async function slowestAnswer(
  { client }: KvCluster,
  nodeIds: readonly number[],
  groups: number,
): Promise<number> {
  const began = performance.now()
  const probe = async (nodeId: number, key: string): Promise<number> => {
    while (performance.now() - began < GIVE_UP_MS) {
      const { kind } = await client.put(nodeId, key, 'probe')
      if (kind === 'done') return performance.now() - began
      await sleep(5)
    }
    return Number.POSITIVE_INFINITY
  }
  const keys = Array.from({ length: groups * KEYS_PER_GROUP }, (_, i) => `probe/${i}`)
  const times = await Promise.all(nodeIds.flatMap((nodeId) => keys.map((key) => probe(nodeId, key))))
  return Math.max(...times)
}
