import type { GroupIndex } from '../../src/base/numbers.js'
import { Group } from '../../src/core/group.js'
import { helpsItself, stateFollowsLog } from '../../src/core/invariants.js'
import { Membership } from '../../src/core/membership.js'
import { testValues } from '../support/core-values.js'
import type { SimDisk } from './sim-disk.js'
import { SimGroup } from './sim-group.js'
import type { SimNode } from './sim-node.js'
import { StepRules } from './step-rules.js'

/** Builds the groups of a node from what its disk holds: with the process, and anew while it runs. */
export class GroupBuilds {
  private readonly node: SimNode

  constructor(node: SimNode) {
    this.node = node
  }

  first(disk: SimDisk, index: GroupIndex): SimGroup {
    const { nodeId, isVoter, world } = this.node
    const rules = new StepRules(nodeId, isVoter, world.plan)
    const ledger = world.ledgers[index] as (typeof world.ledgers)[number]
    return new SimGroup(index, this.build(disk), disk, ledger, rules)
  }

  /** A group that was just built: what it begins with, and what its disk can help it with. */
  begin(group: SimGroup): void {
    const { node } = this
    const { world, nodeId } = node
    const { disk, index, group: core } = group
    const { isStored } = world.plan.state
    const state = disk.base(isStored)
    stateFollowsLog(nodeId, state.executedUpTo, disk.log.head.chosenUpTo)
    world.executions.check(nodeId, index, state, group.ledger.chain(state.executedUpTo))
    world.executions.begins(nodeId, index, state)
    group.rules.begins(core)
    core.start(node.now, group.effects)
    node.gather(group)
    node.step(group, node.keeper.newest(group))
    group.loadsOwn = group.loading
    const { told } = group
    const isHelped = core.isStranded && told !== undefined && core.isHelpedBy(told.instance)
    helpsItself(nodeId, isHelped ? told.instance : undefined, group.loading)
    if (core.isStranded) world.coverage.hitNode('begun stranded')
    else if (state.executedUpTo > 0)
      world.coverage.hitNode(isStored ? 'begun at a saved state' : 'begun at a checkpoint')
  }

  /** The machine of a group cannot go on: its callers are refused, and after a while the group is built anew. */
  anewIn(group: SimGroup, ms: number): void {
    const { node } = this
    const { builds } = group
    group.retrying = true
    node.callersFail(group)
    node.later(ms, () => {
      node.whenFree(group, () => {
        if (group.builds !== builds) return true
        // What is known goes to the disk.
        group.commit(node.nodeId)
        this.anew(group)
        return true
      })
    })
  }

  /** From what is on disk, in the same process. */
  anew(group: SimGroup): void {
    const { node } = this
    node.world.note(node.nodeId, group.index, 'is built anew from its disk')
    group.rebuild(this.build(group.disk))
    this.begin(group)
    for (const input of node.links.inputs()) node.step(group, input)
  }

  private build(disk: SimDisk): Group {
    const { nodeId, voterId, life, world } = this.node
    const { plan, nodeIds, random } = world
    const voters = nodeIds.map((id) => ({ nodeId: id, voterId: `voter 0 of ${id}` }))
    const config = {
      nodeId,
      voterId,
      incarnation: `n${nodeId}-life-${life}`,
      membership: new Membership(0, voters),
      values: testValues,
      seed: random.uint32(),
      proposeOn: nodeId <= plan.duellists ? ('here' as const) : ('leader' as const),
      tuning: plan.tuning,
    }
    return new Group(config, disk.log.load(), disk.base(plan.state.isStored))
  }
}
