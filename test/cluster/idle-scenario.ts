import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { KvCluster } from '../../native-bench/kv/kv-cluster.js'
import { slowestAnswer } from './takeover.js'

export interface IdleOptions {
  readonly groups: number
  readonly settleMs: number
  readonly seconds: number
  readonly limitPercent: number
}

interface Traffic {
  readonly router: { readonly messagesOut: number }
}

/** Of the clock that /proc counts processor time in; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** A cluster that has worked and now has nothing to do: what it still costs, and what it still says. */
export async function idleScenario({ groups, settleMs, seconds, limitPercent }: IdleOptions) {
  const cluster = await KvCluster.start({ groups })
  const { nodeIds, client } = cluster
  const messages = async () => {
    const statuses = await Promise.all(nodeIds.map((nodeId) => client.status<Traffic>(nodeId)))
    return statuses.map(({ router }) => router.messagesOut)
  }
  const cpuSeconds = () => nodeIds.map((nodeId) => cpuSecondsOf(cluster.process(nodeId).pid))
  try {
    await slowestAnswer(cluster, nodeIds, groups)
    await sleep(settleMs)
    const [messagesBefore, cpuBefore] = [await messages(), cpuSeconds()]
    await sleep(seconds * 1000)
    const [messagesAfter, cpuAfter] = [await messages(), cpuSeconds()]
    const cpuPercent = cpuAfter.map((cpu, i) => ((cpu - cpuBefore[i]!) / seconds) * 100)
    const protocolMessages = messagesAfter.map((count, i) => count - messagesBefore[i]!)
    const ok = cpuPercent.every((cpu) => cpu < limitPercent) && protocolMessages.every((count) => count === 0)
    return { ok, groups, seconds, cpuPercent, protocolMessages }
  } finally {
    await cluster.end()
  }
}

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name of the program may hold spaces; what is counted here begins behind its bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
