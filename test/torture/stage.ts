import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/base/random.js'
import type { NodeStatus } from '../../src/host/node-status.js'
import type { Tally } from './tally.js'
import type { TortureCluster } from './torture-cluster.js'

/** What the parts of the nemesis act on. */
export interface Stage {
  readonly cluster: TortureCluster
  readonly tally: Tally
  /** Alarms of a node that an injected fault explains. */
  readonly expected: Map<number, string>
  readonly log: (line: string) => void
}

export type Act = (stage: Stage, random: Random) => Promise<void>

const POLL_MS = 50
const STATUS_MS = 1_000

/** The status of a node, or undefined if it does not say in time. */
export async function statusOf({ cluster }: Stage, nodeId: number): Promise<NodeStatus | undefined> {
  if (!cluster.isRunning(nodeId)) return undefined
  const late = sleep(STATUS_MS, undefined, { ref: false })
  return Promise.race([cluster.client.status<NodeStatus>(nodeId).catch(() => undefined), late])
}

/** Whom somebody takes for the leader of one of the groups; 0: nobody knows. */
export async function someLeader(stage: Stage, random: Random): Promise<number> {
  const asked = 1 + random.below(stage.cluster.nodeIds.length)
  const draw = random.uint32()
  const groups = (await statusOf(stage, asked))?.groups ?? []
  return groups[draw % Math.max(1, groups.length)]?.leader ?? 0
}

/** A node to harm: a leader more often than not. */
export async function someVictim(stage: Stage, random: Random): Promise<number> {
  const any = 1 + random.below(stage.cluster.nodeIds.length)
  if (random.chance(0.4)) return any
  return (await someLeader(stage, random)) || any
}

/** True when the condition holds within the time. */
export async function within(ms: number, holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const deadline = performance.now() + ms; ; await sleep(POLL_MS)) {
    if (await holds()) return true
    if (performance.now() > deadline) return false
  }
}

/** A new life; one that does not come up is a finding. */
export async function start(stage: Stage, nodeId: number): Promise<void> {
  try {
    await stage.cluster.spawn(nodeId).ready
  } catch (error) {
    stage.tally.problems.push(`node ${nodeId} did not start: ${(error as Error).message}`)
  }
}

/** Why groups of a node do not work; empty when all do, undefined when it does not say. */
export async function failures(stage: Stage, nodeId: number): Promise<string[] | undefined> {
  const status = await statusOf(stage, nodeId)
  return status?.groups.flatMap(({ group, state, failure }) =>
    failure === undefined && (state === 'running' || state === 'catching-up')
      ? []
      : [`${failure?.code ?? state} in group ${group}`],
  )
}

export const works = async (stage: Stage, nodeId: number): Promise<boolean> =>
  (await failures(stage, nodeId))?.length === 0
