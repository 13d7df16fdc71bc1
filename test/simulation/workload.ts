import { assert } from '../../src/base/assert.js'
import type { GroupIndex, NodeId } from '../../src/base/numbers.js'
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
  /** Virtual time by which it has to end, and when it was asked for. */
  readonly deadline: number
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
  private stopped = false

  constructor(world: World) {
    this.world = world
  }

  get pendingCount(): number {
    return this.pending.size
  }

  start(): void {
    const { plan, nodeIds, random } = this.world
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

  /** One run at every node and group, which has to be executed now that nothing goes wrong any more. */
  finish(): void {
    for (const nodeId of this.world.nodeIds) {
      for (let group = 0; group < this.world.plan.groups; group++) {
        this.submit(this.world.node(nodeId), group, 'run', 20_000, (outcome) => {
          assert(outcome === 'executed', `rule 11: a run ends ${outcome} without any fault`)
        })
      }
    }
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
    const count = kind === 'run' ? 1 + this.world.random.below(3) : 1
    this.numbers.set(counter, number + count)
    const deadline = this.world.queue.now + timeoutMs
    const visible = this.visible[group] ?? 0
    this.pending.set(key(nodeId, group, kind, number), {
      node: nodeId,
      life,
      group,
      kind,
      number,
      deadline,
      visible,
      ended,
    })
    if (kind === 'read') node.read(group, number, node.now + timeoutMs)
    else {
      const body = textBody(`${nodeId}.${life}#${number}`.padEnd(this.world.random.below(120)))
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
    for (const [name, operation] of this.pending) {
      if (operation.node !== node) continue
      this.pending.delete(name)
      operation.ended('unknown')
    }
  }

  private call(node: SimNode, group: GroupIndex): void {
    const { random, plan, queue } = this.world
    if (this.stopped) return
    if (!node.up) {
      queue.after(100, () => this.call(node, group))
      return
    }
    const kind = random.chance(plan.readShare) ? 'read' : 'run'
    this.submit(node, group, kind, random.chance(0.2) ? random.between(1, 300) : 5000, () => {
      queue.after(random.between(0, 2 * plan.thinkMs), () => this.call(node, group))
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

  private checkLate({ node, kind, number, deadline }: Operation): void {
    const late = this.world.queue.now - deadline
    assert(late < LATE_MS, `rule 11: ${kind} ${number} of node ${node} is ${late.toFixed(0)} ms behind its deadline`)
  }
}

function key(node: NodeId, group: GroupIndex, kind: string, number: number): string {
  return `${node} ${group} ${kind} ${number}`
}
