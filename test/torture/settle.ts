import type { GroupView } from '../../src/host/group-handle.js'
import { failures, type Stage, start, statusOf, within, works } from './stage.js'
import type { Workload } from './workload.js'

const WORKS_MS = 60_000
const PROGRESS_MS = 60_000
const EQUAL_MS = 60_000
/** Acknowledged writes that each group must get through when all faults have healed. */
const WRITES = 5

/** All faults are taken back: every node works again, every group takes writes, and without load all nodes become equal. */
export async function settle(stage: Stage, workload: Workload): Promise<void> {
  const { cluster, tally } = stage
  cluster.network.heal()
  for (const nodeId of cluster.nodeIds) if (!cluster.isRunning(nodeId)) await start(stage, nodeId)
  const broken = await Promise.all(cluster.nodeIds.map((nodeId) => why(stage, nodeId)))
  tally.problems.push(...broken.flat())
  const before = [...workload.written]
  const grown = () => workload.written.every((count, group) => count >= before[group]! + WRITES)
  if (!(await within(PROGRESS_MS, grown))) {
    const stuck = before.flatMap((count, group) => (workload.written[group]! < count + WRITES ? [group] : []))
    tally.problems.push(`no ${WRITES} writes of the groups ${stuck.join(', ')} in ${PROGRESS_MS} ms without faults`)
    for (const nodeId of cluster.nodeIds) stage.log(`status: ${JSON.stringify(await statusOf(stage, nodeId))}`)
  }
  await workload.stop()
  let found: string[] = []
  const equal = await within(EQUAL_MS, async () => {
    found = await differences(stage)
    return found.length === 0
  })
  if (!equal) tally.problems.push(...found)
}

async function why(stage: Stage, nodeId: number): Promise<string[]> {
  if (await within(WORKS_MS, () => works(stage, nodeId))) return []
  const found = (await failures(stage, nodeId)) ?? ['it does not answer']
  return [`node ${nodeId} does not work ${WORKS_MS} ms after the last fault: ${found.join(', ')}`]
}

const EQUAL = ['chosenUpTo', 'executedUpTo', 'chain', 'digest', 'digestAt'] as const

async function differences(stage: Stage): Promise<string[]> {
  const statuses = await Promise.all(stage.cluster.nodeIds.map((nodeId) => statusOf(stage, nodeId)))
  const silent = statuses.flatMap((status, i) =>
    status === undefined ? [`node ${i + 1} does not say its status`] : [],
  )
  if (silent.length > 0) return silent
  const [first, ...others] = statuses.map((status) => status!.groups)
  return others.flatMap((groups, i) =>
    groups.flatMap((group, g) => {
      const same = EQUAL.every((name) => group[name] === first![g]![name]) && group.chosenUpTo === group.executedUpTo
      return same ? [] : [`nodes 1 and ${i + 2} differ in group ${g}: ${shown(first![g]!)} and ${shown(group)}`]
    }),
  )
}

const shown = (group: GroupView): string => EQUAL.map((name) => `${name} ${group[name]}`).join(', ')
