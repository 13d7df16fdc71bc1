import { assert } from '../../src/base/assert.js'
import type { GroupIndex, Instance, NodeId } from '../../src/base/numbers.js'
import { Random } from '../../src/base/random.js'
import { Ledger } from '../support/core-ledger.js'
import { Coverage } from './coverage.js'
import { EventQueue } from './event-queue.js'
import { Executions } from './executions.js'
import { type Fault, FaultSchedule } from './faults.js'
import { Nemesis } from './nemesis.js'
import { Network } from './network.js'
import { chancesOf, type RunPlan } from './plan.js'
import { CheckpointRegister } from './sim-checkpoint.js'
import { SimNode } from './sim-node.js'
import { Trace } from './trace.js'
import { Workload } from './workload.js'

const TRACE_LINES = 4000
/** Virtual time a run may take, whatever its faults leave of its progress. */
const MAX_RUN_MS = 300_000
/** Virtual time in which everything must have ended once nothing goes wrong any more. */
const HEAL_MS = 60_000
/** After that: how long an idle cluster is watched, and how much of that it may take to fall silent. */
const IDLE_MS = 6000
const FALL_SILENT_MS = 3000

/** A whole cluster on one thread, from one seed. */
export class World {
  readonly queue = new EventQueue()
  /** How long things take that are no fault. */
  readonly random: Random
  readonly schedule: FaultSchedule
  readonly coverage = new Coverage()
  readonly network: Network
  readonly executions: Executions
  readonly checkpoints = new CheckpointRegister()
  readonly workload: Workload
  readonly ledgers: Ledger[] = []
  readonly nodeIds: NodeId[] = []
  readonly trace = new Trace(TRACE_LINES)
  readonly plan: RunPlan
  steps = 0
  crashes = 0
  private readonly nodes = new Map<NodeId, SimNode>()
  private readonly nemesis: Nemesis

  /** `again`: the faults of an earlier run, or some of them, instead of new ones. */
  constructor(plan: RunPlan, again?: readonly Fault[]) {
    this.plan = plan
    this.random = new Random(plan.seed)
    this.schedule = new FaultSchedule(plan.seed, (kind) => chancesOf(plan.faults, kind), again)
    this.network = new Network(this.queue, this.random, this.schedule, this.coverage, plan.inOrder)
    this.workload = new Workload(this)
    this.executions = new Executions(plan.groups, plan.tuning.sessionInstances, (node, group, sequence, position) =>
      this.workload.executed(node, group, sequence, position),
    )
    for (let i = 0; i < plan.groups; i++) this.ledgers.push(new Ledger(plan.nodes))
    for (let nodeId = 1; nodeId <= plan.nodes; nodeId++) this.nodeIds.push(nodeId)
    for (const nodeId of this.nodeIds) {
      const node = new SimNode(nodeId, this, plan.groups)
      this.nodes.set(nodeId, node)
      this.network.add(nodeId, node)
    }
    this.nemesis = new Nemesis(this)
  }

  node(nodeId: NodeId): SimNode {
    const node = this.nodes.get(nodeId)
    if (!node) throw new Error(`no node ${nodeId}`)
    return node
  }

  /** Voters that know what an instance chose, and hold it. */
  copies(group: GroupIndex, instance: Instance): number {
    return [...this.nodes.values()].filter((node) => node.canTell(group, instance)).length
  }

  /**
   * Whether the others can make up for it when `harmed` cannot tell any more what it did up to `lostUpTo`; `isGone`: it
   * knows nothing at all. Somebody must have all that any other has lost.
   */
  survives(group: GroupIndex, harmed: NodeId, lostUpTo: Instance, isGone = false): boolean {
    const others = [...this.nodes.values()].filter((node) => node.nodeId !== harmed)
    const disks = others.map((node) => node.disk(group))
    const most = Math.max(lostUpTo, ...disks.map((disk) => disk.lostUpTo()))
    if (lostUpTo === 0 && !isGone) return true
    return most === 0 || disks.some((disk) => disk.lostUpTo() === 0 && disk.log.head.chosenUpTo >= most)
  }

  note(node: NodeId, group: GroupIndex, text: string): void {
    this.trace.add(this.queue.now, node, group, { kind: 'note', text })
  }

  /** The whole run: faults, then healing, then silence. Throws at the first broken rule. */
  run(): void {
    for (const nodeId of this.nodeIds) this.raise(nodeId)
    this.workload.start()
    this.nemesis.start()
    while (this.steps < this.plan.steps && this.queue.now < MAX_RUN_MS) this.queue.next()
    this.nemesis.lastBlow()
    this.heal()
    this.settle('after the last fault')
    this.executions.checkAcknowledged()
    this.checkStates()
    this.checkSilence()
    this.missSomething()
    this.settle('after a restart in an idle cluster')
    this.checkStates()
  }

  /** Whatever each came by its state, it is that of a replica that executed everything itself. */
  checkStates(): void {
    for (const node of this.nodes.values()) {
      for (const { group, index, ledger } of node.groups) {
        const base = group.base()
        this.executions.save(node.nodeId, index, base, ledger.chain(base.executedUpTo))
      }
    }
  }

  /** One node is away while the others choose something, and comes back when all is silent: only their word can tell it. */
  private missSomething(): void {
    const absent = this.node(this.nodeIds[this.random.below(this.nodeIds.length)] as NodeId)
    absent.crash(FALL_SILENT_MS)
    this.workload.finish()
  }

  private settle(since: string): void {
    const end = this.queue.now + HEAL_MS
    do {
      assert(this.queue.now < end, `rule 11: not settled ${HEAL_MS} ms ${since}: ${this.unsettled()}`)
      this.queue.next()
    } while (!this.isSettled())
  }

  /** Starts a node that is down. */
  raise(nodeId: NodeId): void {
    const node = this.node(nodeId)
    if (node.up) return
    node.start()
    this.network.born(nodeId)
  }

  private heal(): void {
    this.note(0, 0, 'the last fault heals')
    this.nemesis.stop()
    this.schedule.stop()
    this.workload.stop()
    this.network.mendAll()
    for (const nodeId of this.nodeIds) {
      const node = this.node(nodeId)
      if (!node.serves) node.crash(0)
      this.raise(nodeId)
    }
    this.workload.finish()
  }

  private isSettled(): boolean {
    return this.workload.pendingCount === 0 && this.unsettled() === ''
  }

  /** What is still open, in words; empty if nothing is. */
  private unsettled(): string {
    if (this.workload.pendingCount > 0) return `${this.workload.pendingCount} operations pending`
    for (const [index, ledger] of this.ledgers.entries()) {
      for (const node of this.nodes.values()) {
        if (!node.up) return `node ${node.nodeId} is down`
        const { group } = node.groups[index] as (typeof node.groups)[number]
        const { lastAccepted, chosenUpTo, executedUpTo } = group
        const all = ledger.chosenUpTo
        if (chosenUpTo === all && executedUpTo === all && lastAccepted === all) continue
        return (
          `group ${index}: ${all} chosen; node ${node.nodeId} has accepted ${lastAccepted}, ` +
          `chosen ${chosenUpTo}, executed ${executedUpTo}`
        )
      }
    }
    return ''
  }

  /** An idle group sends nothing, and wakes for nothing. */
  private checkSilence(): void {
    const from = this.queue.now + FALL_SILENT_MS
    while (this.queue.now < from) this.queue.next()
    const steps = this.steps
    const sent = this.network.protocolMessages
    const end = from + IDLE_MS - FALL_SILENT_MS
    while (this.queue.now < end) this.queue.next()
    assert(this.network.protocolMessages === sent, 'an idle cluster sends protocol messages')
    const idle = this.steps - steps
    assert(idle <= this.plan.nodes * this.plan.groups * 4, `an idle cluster takes ${idle} steps in ${IDLE_MS} ms`)
  }
}
