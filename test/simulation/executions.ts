import { assert } from '../../src/base/assert.js'
import type { GroupIndex, Instance, NodeId } from '../../src/base/numbers.js'
import type { Base } from '../../src/core/durable.js'
import type { PlannedRun } from '../../src/core/execution.js'
import {
  acknowledgedSurvives,
  executesOnce,
  executesTheSame,
  goesOnWhereItStands,
  stateIsOfItsPosition,
} from '../../src/core/invariants.js'
import { digestOf, ReferenceState } from './reference-state.js'
import { NO_STATE, type SavedState } from './sim-checkpoint.js'

/** Told when a node has executed a run of its own. */
export type OwnExecuted = (node: NodeId, group: GroupIndex, sequence: number, position: number) => void

/** The state of one build of a group on one node. */
interface Replica {
  executedUpTo: Instance
  executed: number
}

interface GroupExecutions {
  /** The one sequence of executed runs; every replica's is a prefix of it. */
  readonly sequence: string[]
  readonly keys: Map<string, number>
  readonly reference: ReferenceState
  readonly replicas: Map<NodeId, Replica>
}

/** The state machine of the simulation: it remembers what was executed, and who answered for it. */
export class Executions {
  private readonly groups: GroupExecutions[] = []
  private readonly acknowledged: Map<string, true>[] = []
  private readonly ownExecuted: OwnExecuted

  /** `sessionInstances`: how long a session lasts. */
  constructor(groups: number, sessionInstances: number, ownExecuted: OwnExecuted) {
    this.ownExecuted = ownExecuted
    for (let i = 0; i < groups; i++) {
      const reference = new ReferenceState(sessionInstances)
      this.groups.push({ sequence: [], keys: new Map(), reference, replicas: new Map() })
      this.acknowledged.push(new Map())
    }
  }

  /** How many runs the replica on `node` has executed. */
  executedOn(node: NodeId, group: GroupIndex): number {
    return this.groups[group]?.replicas.get(node)?.executed ?? 0
  }

  /** A new build of a group begins with this state, and executes what follows. */
  begins(node: NodeId, index: GroupIndex, { executedUpTo, executed }: SavedState): void {
    this.groups[index]?.replicas.set(node, { executedUpTo, executed })
  }

  execute(node: NodeId, index: GroupIndex, instance: Instance, runs: readonly PlannedRun[]): void {
    const group = this.groups[index] as GroupExecutions
    const { reference } = group
    const replica = this.replica(node, index)
    goesOnWhereItStands(node, replica.executedUpTo, instance)
    if (reference.executedUpTo + 1 === instance) reference.execute(runs)
    replica.executedUpTo = instance
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
    executesTheSame(node, `the end of instance ${instance}`, `${reference.executedAt(instance)}`, `${replica.executed}`)
  }

  /** What the node would save of the group now. `chain`: of the truly chosen values up to there. */
  save(node: NodeId, index: GroupIndex, base: Base, chain: number | undefined): SavedState {
    const state = { ...base, executed: this.replica(node, index).executed }
    this.check(node, index, state, chain)
    return state
  }

  /** A state that was saved, carried in a checkpoint, or is begun at, against what a replica of the whole log holds there. */
  check(node: NodeId, index: GroupIndex, state: SavedState, chain: number | undefined): void {
    const { executedUpTo } = state
    if (executedUpTo === 0) {
      assert(
        state.executed === NO_STATE.executed && state.sessions.length === 0,
        'before the first instance is nothing',
      )
      return
    }
    const { reference } = this.groups[index] as GroupExecutions
    stateIsOfItsPosition(node, executedUpTo, 'chain', chain, state.chain)
    stateIsOfItsPosition(node, executedUpTo, 'count of runs', reference.executedAt(executedUpTo), state.executed)
    const digest = digestOf(state.sessions)
    stateIsOfItsPosition(node, executedUpTo, 'digest of sessions', reference.digestAt(executedUpTo), digest)
  }

  /** At the end: everything acknowledged is in the sequence that all replicas share. */
  checkAcknowledged(): void {
    for (const [index, acknowledged] of this.acknowledged.entries()) {
      for (const key of acknowledged.keys()) acknowledgedSurvives(key, this.groups[index]?.keys.has(key) === true)
    }
  }

  private replica(node: NodeId, index: GroupIndex): Replica {
    const replica = this.groups[index]?.replicas.get(node)
    assert(replica !== undefined, `node ${node} executes group ${index} before it began`)
    return replica
  }
}
