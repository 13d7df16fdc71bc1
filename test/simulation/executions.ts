import type { GroupIndex, Instance, NodeId } from '../../src/base/numbers.js'
import type { PlannedRun } from '../../src/core/execution.js'
import { acknowledgedSurvives, executesOnce, executesTheSame } from '../../src/core/invariants.js'

/** Told when a node has executed a run of its own. */
export type OwnExecuted = (node: NodeId, group: GroupIndex, sequence: number, position: number) => void

interface Replica {
  life: number
  executed: number
}

interface GroupExecutions {
  /** The one sequence of executed runs; every replica's is a prefix of it. */
  readonly sequence: string[]
  readonly keys: Map<string, number>
  readonly replicas: Map<NodeId, Replica>
}

/** The state machine of the simulation: it remembers what was executed, and who answered for it. */
export class Executions {
  private readonly groups: GroupExecutions[] = []
  private readonly acknowledged: Map<string, true>[] = []
  private readonly ownExecuted: OwnExecuted

  constructor(groups: number, ownExecuted: OwnExecuted) {
    this.ownExecuted = ownExecuted
    for (let i = 0; i < groups; i++) {
      this.groups.push({ sequence: [], keys: new Map(), replicas: new Map() })
      this.acknowledged.push(new Map())
    }
  }

  /** How many runs the replica on `node` has executed. */
  executedOn(node: NodeId, group: GroupIndex): number {
    return this.groups[group]?.replicas.get(node)?.executed ?? 0
  }

  total(group: GroupIndex): number {
    return this.groups[group]?.sequence.length ?? 0
  }

  execute(node: NodeId, life: number, index: GroupIndex, instance: Instance, runs: readonly PlannedRun[]): void {
    const group = this.groups[index] as GroupExecutions
    let replica = group.replicas.get(node)
    // A new life starts from an empty state machine and replays the log.
    if (!replica || replica.life !== life) {
      replica = { life, executed: 0 }
      group.replicas.set(node, replica)
    }
    for (const { run, verdict, own } of runs) {
      if (verdict !== 'execute') continue
      const key = `${run.origin}:${run.incarnation}#${run.sequence}`
      const position = replica.executed++
      const expected = group.sequence[position]
      if (expected === undefined) {
        executesOnce(node, key, group.keys.has(key))
        group.keys.set(key, position)
        group.sequence.push(key)
      } else executesTheSame(node, `instance ${instance}, position ${position}`, expected, key)
      if (own) {
        this.acknowledged[index]?.set(key, true)
        this.ownExecuted(node, index, run.sequence, position + 1)
      }
    }
  }

  /** At the end: everything acknowledged is in the sequence that all replicas share. */
  checkAcknowledged(): void {
    for (const [index, acknowledged] of this.acknowledged.entries()) {
      for (const key of acknowledged.keys()) acknowledgedSurvives(key, this.groups[index]?.keys.has(key) === true)
    }
  }
}
