import type { GroupIndex, Instance } from '../../src/base/numbers.js'
import { stateFollowsLog } from '../../src/core/invariants.js'
import { makeCheckpoint, type SavedState } from './sim-checkpoint.js'
import type { SimGroup } from './sim-group.js'
import type { SimNode } from './sim-node.js'

/** When a node saves the state of a group, makes a checkpoint of it, and trims the log behind that. */
export class StateKeeper {
  private readonly node: SimNode
  private made = 0

  constructor(node: SimNode) {
    this.node = node
  }

  /** After something may have been executed. False if the node died over it. */
  look(group: SimGroup): boolean {
    const { group: core } = group
    if (group.retrying || group.saving || core.isStranded) return true
    if (this.isDue(group)) {
      group.saving = true
      this.node.step(group, { kind: 'save' })
      return group.mustCommit || this.save(group)
    }
    this.trim(group)
    return true
  }

  /** A peer wants a checkpoint that covers more than the one there is. */
  make(group: SimGroup): void {
    group.makeWanted = true
    this.node.whenFree(group, () => true)
  }

  /** The head that has to be on disk before is there. False if the node died over it. */
  save(group: SimGroup): boolean {
    const { node } = this
    const { world, nodeId } = node
    group.saving = false
    // Something more was executed meanwhile: then the next time.
    if (!group.group.isSaveable) return true
    const fault = node.strike('save')
    if (fault?.what === 'crash') return false
    if (fault?.what === 'state damaged') {
      if (this.harm(group.index, true, fault.args[0] === 1)) node.builds.anewIn(group, 0)
      return true
    }
    const base = group.group.base()
    const state = world.executions.save(nodeId, group.index, base, group.ledger.chain(base.executedUpTo))
    stateFollowsLog(nodeId, state.executedUpTo, group.disk.log.head.chosenUpTo)
    if (world.plan.state.isStored) {
      group.disk.state = state
      world.coverage.hitNode('state committed')
      if (node.diesAt('saved')) return false
    }
    this.maybeTake(group, state)
    return true
  }

  /** Tells the core which checkpoint there is. */
  tell(group: SimGroup): void {
    this.node.put(group.index, this.newest(group))
  }

  newest({ disk }: SimGroup): { kind: 'checkpoint'; checkpoint: SimGroup['told']; paysFrom: number } {
    const { paysFrom } = this.node.world.plan.state
    return { kind: 'checkpoint', checkpoint: disk.checkpoints[0]?.ref, paysFrom }
  }

  /** Bits of the newest checkpoint flip, as long as others can help then; nobody knows until it is read. */
  damageCheckpoint({ disk, index }: SimGroup): boolean {
    const { world, nodeId } = this.node
    const [newest] = disk.checkpoints
    if (newest?.isSound !== true) return false
    // As long as nobody knows, the log is trimmed behind it.
    const lost = Math.max(newest.instance, disk.lostUpTo({ checkpoints: true }))
    if (!world.survives(index, nodeId, lost)) return false
    world.note(nodeId, index, `its checkpoint of ${newest.instance} is damaged`)
    newest.isSound = false
    return true
  }

  private isDue({ group: core, disk, makeWanted, taking }: SimGroup): boolean {
    const { isStored, saveEvery, checkpointEvery } = this.node.world.plan.state
    const { executedUpTo } = core
    if (!taking) {
      const ahead = executedUpTo - disk.coveredUpTo
      if (ahead > 0 && (makeWanted || ahead >= checkpointEvery)) return true
    }
    return isStored && executedUpTo - (disk.state?.executedUpTo ?? 0) >= saveEvery
  }

  /** A task elsewhere makes it; the group goes on. */
  private maybeTake(group: SimGroup, state: SavedState): void {
    const { node } = this
    const { world, nodeId } = node
    const { checkpointEvery, takeMs, keep } = world.plan.state
    const ahead = state.executedUpTo - group.disk.coveredUpTo
    if (group.taking || ahead <= 0 || (!group.makeWanted && ahead < checkpointEvery)) return
    if (group.makeWanted) world.coverage.hitNode('checkpoint made for a peer')
    group.taking = true
    group.makeWanted = false
    const checkpoint = makeCheckpoint(state, `${nodeId}.${node.life}.${++this.made}`, world.plan.state.blocks)
    world.checkpoints.add(checkpoint)
    node.later(world.random.between(0.1, 2 * takeMs), () => {
      group.taking = false
      if (node.diesAt('taking')) return
      group.disk.add(checkpoint, keep, world.queue.now)
      world.coverage.hitNode('checkpoint taken')
      world.note(nodeId, group.index, `has a checkpoint of ${checkpoint.instance}`)
      const fault = node.strike('taken')
      if (fault?.what === 'crash') return
      if (fault?.what === 'checkpoint damaged' && this.damageCheckpoint(group))
        world.coverage.hitNode('checkpoint damaged')
      this.tell(group)
    })
  }

  private trim(group: SimGroup): void {
    const { group: core, told, disk } = group
    const { hold, mostHeld } = this.node.world.plan.state
    const covered = Math.min(told?.instance ?? 0, disk.coveredUpTo)
    const end: Instance = Math.min(covered, core.executedUpTo) + 1
    const needed = Math.max(core.neededFrom(this.node.now), end - mostHeld)
    const firstKept = Math.min(end - hold, needed)
    if (firstKept <= core.firstKept) return
    group.trimming = true
    this.node.step(group, { kind: 'trim', firstKept })
  }

  /**
   * Its state cannot be read any more, its checkpoints, or both; of in-memory machines nothing but checkpoints is on disk.
   * False if the others could not make up for it.
   */
  harm(index: GroupIndex, itsState: boolean, itsCheckpoints: boolean): boolean {
    const { world, nodeId } = this.node
    const disk = this.node.disk(index)
    const checkpoints = itsCheckpoints || !world.plan.state.isStored
    // As long as nobody knows that a checkpoint is damaged, the log is trimmed behind it.
    const lost = Math.max(checkpoints ? disk.coveredUpTo : 0, disk.lostUpTo({ state: itsState, checkpoints }))
    if (!world.survives(index, nodeId, lost)) return false
    world.note(nodeId, index, `damaged are ${itsState ? 'its state' : ''} ${checkpoints ? 'its checkpoints' : ''}`)
    if (itsState) world.coverage.hitNode(checkpoints ? 'state and checkpoints damaged' : 'state damaged')
    if (itsState) disk.state = undefined
    if (checkpoints) for (const checkpoint of disk.checkpoints) checkpoint.isSound = false
    return true
  }
}
