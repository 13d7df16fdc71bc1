import { PaxosNode } from '../src/index.js'
import type { LoadTarget } from './load/load-target.js'
import type { ProcessSample } from './measure.js'
import type { NodeSettings } from './node-settings.js'
import type { NodeInsight } from './stages/node-insight.js'
import { ownUsage } from './usage.js'
import { diskBytes } from './work-dir.js'

/** What must be the same on all nodes once they are quiet. */
export interface GroupState {
  readonly group: number
  readonly chosenUpTo: number
  readonly executedUpTo: number
  readonly chain: number
  readonly digest: number
  readonly digestAt: number
  /** Commands that the state machine has counted, and what it made of them. */
  readonly executed: number
  readonly sum: number
}

export function startNode(settings: NodeSettings, insight?: NodeInsight): Promise<PaxosNode> {
  const { nodeId, nodes, dataDir, groups, threads, machine, encoding, window, batch, rttMs, flushDelayMs, sync } =
    settings
  const module = encoding === 'cbor' ? `${machine}-cbor` : machine
  return PaxosNode.start({
    nodeId,
    nodes,
    dataDir,
    groups: { count: groups },
    stores: threads,
    threads,
    stateMachines: [new URL(`./${module}-machine.js`, import.meta.url)],
    clusterSecret: 'a secret for benchmarks only',
    create: true,
    sync,
    tuning: { window, batchCount: batch },
    testing: { rttMs, flushDelayMs, onStages: settings.stages ? insight?.onStages : undefined },
  })
}

/** Calls on a node of this process. */
export function nodeTarget(node: PaxosNode): LoadTarget {
  const groups = Array.from({ length: node.groupCount }, (_, group) => node.group(group))
  return {
    groups: groups.length,
    propose: (group, command) => groups[group]!.propose(command),
    proposeMany: (group, commands) => groups[group]!.proposeMany(commands),
    read: async (group) => counted(await groups[group]!.read(new Uint8Array(0))).executed,
  }
}

export function sampleNode(node: PaxosNode, { nodeId, dataDir }: NodeSettings): ProcessSample {
  const { groups, workers, router } = node.status()
  return {
    node: nodeId,
    usage: ownUsage(router.bytesOut),
    dataBytes: diskBytes(dataDir),
    commits: workers.reduce((total, { counters }) => total + counters.commits, 0),
    instances: groups.reduce((total, { chosenUpTo }) => total + chosenUpTo, 0),
  }
}

export function groupStates(node: PaxosNode): Promise<GroupState[]> {
  return Promise.all(
    node.status().groups.map(async ({ group }) => {
      // Of a quorum: once the load has ended, every node answers with the end and none with what it has so far.
      const answer = await node.group(group).read(new Uint8Array(0))
      const { chosenUpTo, executedUpTo, chain, digest, digestAt } = node.group(group).status()
      return { group, chosenUpTo, executedUpTo, chain, digest, digestAt, ...counted(answer) }
    }),
  )
}

/** What every machine of the benchmarks answers to an empty query. */
function counted(answer: unknown): Pick<GroupState, 'executed' | 'sum'> {
  const { buffer, byteOffset } = answer as Uint8Array
  const view = new DataView(buffer, byteOffset)
  return { executed: view.getUint32(0, true), sum: view.getInt32(4, true) }
}
