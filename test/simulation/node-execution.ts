import type { Instance } from '../../src/base/numbers.js'
import type { Value } from '../../src/core/command-run.js'
import type { SimGroup } from './sim-group.js'
import type { SimNode } from './sim-node.js'

const EXECUTIONS_PER_ROUND = 50

/** What a worker does with its log after the commit: it serves reads of peers, and executes what is chosen. */
export class NodeExecution {
  private readonly node: SimNode

  constructor(node: SimNode) {
    this.node = node
  }

  /** Reads of the log are answered after the commit: a chosen record may have been waiting for it. */
  serveReads(group: SimGroup): void {
    const { node } = this
    for (const { peer, session, from, upTo, maxBytes, once } of group.reads) {
      const values: Value[] = []
      let bytes = 0
      for (let instance = from; instance <= upTo; instance++) {
        const record = group.disk.log.record(instance)
        if (!record || (bytes > 0 && bytes + record.value.length > maxBytes)) break
        group.ledger.knows(node.nodeId, instance, record.value)
        values.push(record.value)
        bytes += record.value.length
      }
      // This node's own trouble, and its own repair; the peer asks another node. What was trimmed meanwhile is no trouble.
      if (values.length === 0 && from >= group.group.firstKept) node.step(group, { kind: 'unreadable', instance: from })
      node.put(group.index, { kind: 'served', peer, session, from, once, values })
    }
    group.reads.length = 0
  }

  /** False if the node died over it. */
  execute(group: SimGroup): boolean {
    const { node } = this
    const { world, nodeId } = node
    const core = group.group
    if (group.retrying || core.isStranded) return true
    for (let budget = EXECUTIONS_PER_ROUND; budget > 0 && core.executedUpTo < core.chosenUpTo; budget--) {
      const instance = core.executedUpTo + 1
      const fault = world.schedule.at('execution', nodeId)
      if (fault?.what === 'record damaged') this.damage(group, fault.args[0] as number)
      const value = core.chosenValue(instance) ?? group.disk.log.record(instance)?.value
      if (!value) return this.unreadable(group, instance)
      if (fault?.what === 'crash') {
        world.coverage.hitNode('crash at execution')
        node.crash(fault.args[0] as number)
        return false
      }
      if (fault?.what === 'machine fails') {
        this.failMachine(group, instance, fault.args[0] as number)
        return true
      }
      group.ledger.knows(nodeId, instance, value)
      const runs = core.planExecution(instance, value)
      world.executions.execute(nodeId, group.index, instance, runs)
      node.step(group, { kind: 'executed', instance })
      if (!node.publish(group)) return false
    }
    if (core.executedUpTo < core.chosenUpTo) node.later(0.05, () => node.whenFree(group, () => true))
    return true
  }

  /** Bits of a chosen record flip, of the next one or of any other, as long as others can tell what it was. */
  private damage(group: SimGroup, place: number): void {
    const { world, nodeId } = this.node
    const { log } = group.disk
    const { firstKept, chosenUpTo } = log.head
    const instance = place < 0.5 ? group.group.executedUpTo + 1 : Math.ceil(place * chosenUpTo)
    if (instance > chosenUpTo || instance < firstKept || world.copies(group.index, instance) < 3) return
    if (!world.survives(group.index, nodeId, Math.max(instance, group.disk.lostUpTo()))) return
    world.note(nodeId, group.index, `the record of instance ${instance} is damaged`)
    world.coverage.hitNode('record damaged')
    log.records[instance] = undefined
  }

  /** A chosen record is learned again; nothing after it is executed before. False if the node died over it. */
  private unreadable(group: SimGroup, instance: Instance): boolean {
    const isKnown = group.unreadableAt === instance
    group.unreadableAt = instance
    if (isKnown) return true
    this.node.step(group, { kind: 'unreadable', instance })
    return this.node.publish(group)
  }

  private failMachine(group: SimGroup, instance: Instance, ms: number): void {
    const { node } = this
    node.world.note(node.nodeId, group.index, `its state machine throws at instance ${instance}`)
    node.world.coverage.hitNode('machine fails')
    node.builds.anewIn(group, ms)
  }
}
