import { assert } from '../../src/base/assert.js'
import type { GroupIndex, NodeId } from '../../src/base/numbers.js'
import { Random } from '../../src/base/random.js'
import type { QueryReady, RunEnded } from '../../src/core/effects.js'
import { readIsFresh } from '../../src/core/invariants.js'
import { textBody } from '../support/core-values.js'
import type { SimNode } from './sim-node.js'
import type { World } from './world.js'

interface Operation {
  readonly node: NodeId
  readonly life: number
  readonly group: GroupIndex
  readonly kind: 'run' | 'read'
  readonly number: number
  /** Virtual time by which it has to end. */
  readonly latest: number
  /** For reads: what was visible when it was asked for. */
  readonly visible: number
  readonly ended: (outcome: string) => void
}

/**
 * How late after its deadline the core may let go of an operation. It looks once a second, for what a caller waits for
 * is timed by the host; and a slow commit or two may lie between.
 */
const LATE_MS = 1500

/** Callers on every node: one operation at a time each, then some time to think. */
export class Workload {
  readonly outcomes = new Map<string, number>()
  private readonly world: World
  private readonly pending = new Map<string, Operation>()
  /** Per group: how many runs must be visible to every read that begins now. */
  private readonly visible: number[] = []
  private readonly numbers = new Map<string, number>()
  /** Its own: what callers do stays the same, whatever the network does. */
  private readonly random: Random
  /** Last runs that are still to be submitted. */
  private unsubmitted = 0
  private stopped = false

  constructor(world: World) {
    this.world = world
    this.random = new Random(world.plan.seed * 17 + 3)
  }

  get pendingCount(): number {
    return this.pending.size + this.unsubmitted
  }

  start(): void {
    const { random } = this
    const { plan, nodeIds } = this.world
    for (let caller = 0; caller < plan.callers; caller++) {
      const node = this.world.node(nodeIds[caller % nodeIds.length] as NodeId)
      const group = random.below(plan.groups)
      this.world.queue.after(random.between(0, 50), () => this.call(node, group))
    }
    this.watch()
  }

  stop(): void {
    this.stopped = true
  }

  /** One run at every node that is up, in every group, which has to be executed now that nothing goes wrong any more. */
  finish(): void {
    for (const nodeId of this.world.nodeIds) {
      if (!this.world.node(nodeId).up) continue
      for (let group = 0; group < this.world.plan.groups; group++) {
        this.unsubmitted++
        this.finishAt(this.world.node(nodeId), group)
      }
    }
  }

  private finishAt(node: SimNode, group: GroupIndex): void {
    if (node.isRetrying(group)) {
      this.world.queue.after(50, () => this.finishAt(node, group))
      return
    }
    this.unsubmitted--
    this.submit(node, group, 'run', 20_000, (outcome) => {
      // The group may still load a checkpoint, which ends what its callers wait for.
      if (outcome === 'unknown') {
        this.unsubmitted++
        this.world.queue.after(50, () => this.finishAt(node, group))
        return
      }
      assert(outcome === 'executed', `rule 11: a run ends ${outcome} without any fault`)
    })
  }

  /** One operation, now; `ended` is told how it ended, which is before its deadline or a little later. */
  submit(
    node: SimNode,
    group: GroupIndex,
    kind: 'run' | 'read',
    timeoutMs: number,
    ended: (outcome: string) => void,
  ): void {
    const { nodeId, life } = node
    const counter = `${nodeId} ${life} ${group}`
    const number = this.numbers.get(counter) ?? 1
    const count = kind === 'run' ? 1 + this.random.below(3) : 1
    this.numbers.set(counter, number + count)
    const latest = this.world.queue.now + (timeoutMs + LATE_MS) / node.clockRate
    const visible = this.visible[group] ?? 0
    this.pending.set(key(nodeId, group, kind, number), {
      node: nodeId,
      life,
      group,
      kind,
      number,
      latest,
      visible,
      ended,
    })
    if (kind === 'read') node.read(group, number, node.now + timeoutMs)
    else {
      const body = textBody(`${nodeId}.${life}#${number}`.padEnd(this.random.below(120)))
      node.propose(group, { sequence: number, count, body, deadline: node.now + timeoutMs })
    }
  }

  executed(node: NodeId, group: GroupIndex, sequence: number, position: number): void {
    this.visible[group] = Math.max(this.visible[group] ?? 0, position)
    this.end(node, group, 'run', sequence, 'executed')
  }

  runEnded(node: NodeId, group: GroupIndex, end: RunEnded): void {
    this.end(node, group, 'run', end.sequence, 'dropped')
  }

  readEnded(node: NodeId, group: GroupIndex, query: QueryReady): void {
    const operation = this.pending.get(key(node, group, 'read', query.token))
    if (operation && query.outcome === 'ready') {
      const seen = this.world.executions.executedOn(node, group)
      readIsFresh(node, seen, operation.visible)
      this.visible[group] = Math.max(this.visible[group] ?? 0, seen)
    }
    this.end(node, group, 'read', query.token, query.outcome)
  }

  nodeDied(node: NodeId): void {
    this.abandon((operation) => operation.node === node)
  }

  /** A state machine of the group threw: its callers hear at once that it begins again. */
  groupFailed(node: NodeId, group: GroupIndex): void {
    this.abandon((operation) => operation.node === node && operation.group === group)
  }

  private abandon(which: (operation: Operation) => boolean): void {
    for (const [name, operation] of this.pending) {
      if (!which(operation)) continue
      this.pending.delete(name)
      operation.ended('unknown')
    }
  }

  private call(node: SimNode, group: GroupIndex): void {
    const { random } = this
    const { plan, queue, nodeIds } = this.world
    if (this.stopped) return
    if (!node.serves || node.isRetrying(group)) {
      queue.after(100, () => this.call(node, group))
      return
    }
    const kind = random.chance(plan.readShare) ? 'read' : 'run'
    this.submit(node, group, kind, random.chance(0.2) ? random.between(1, 300) : 5000, (outcome) => {
      const failed = outcome !== 'executed' && outcome !== 'ready'
      const thinkMs = random.between(0, 2 * plan.thinkMs)
      if (!failed || !random.chance(plan.retryShare)) queue.after(thinkMs, () => this.call(node, group))
      else {
        // The caller knows nothing of what became of it, and goes to any node at once.
        const other = this.world.node(nodeIds[random.below(nodeIds.length)] as NodeId)
        queue.after(1, () => this.call(other, group))
      }
    })
  }

  private end(node: NodeId, group: GroupIndex, kind: 'run' | 'read', number: number, outcome: string): void {
    const name = key(node, group, kind, number)
    const operation = this.pending.get(name)
    if (!operation) {
      // A run that was dropped at its deadline may still be executed; nothing else ends twice.
      assert(kind === 'run' && outcome === 'executed', `${kind} ${number} of node ${node} ends twice: ${outcome}`)
      return
    }
    this.checkLate(operation)
    this.pending.delete(name)
    this.outcomes.set(`${kind} ${outcome}`, (this.outcomes.get(`${kind} ${outcome}`) ?? 0) + 1)
    operation.ended(outcome)
  }

  /** Deadlines hold whatever the group goes through, as long as the node lives. */
  private watch(): void {
    this.world.queue.after(250, () => {
      for (const operation of this.pending.values()) this.checkLate(operation)
      this.watch()
    })
  }

  private checkLate({ node, kind, number, latest }: Operation): void {
    const late = this.world.queue.now - latest
    assert(
      late < 0,
      `rule 11: ${kind} ${number} of node ${node} is ${late.toFixed(0)} ms later than its deadline allows`,
    )
  }
}

function key(node: NodeId, group: GroupIndex, kind: string, number: number): string {
  return `${node} ${group} ${kind} ${number}`
}
