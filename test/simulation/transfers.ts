import { assert } from '../../src/base/assert.js'
import { headAfterLoad } from '../../src/core/checkpoint-load.js'
import type { Transfer } from '../../src/core/effects.js'
import type { PartStored } from '../../src/core/input.js'
import { loadKeepsVotes, loadsOnlyWhole, partFollows, stateFollowsLog } from '../../src/core/invariants.js'
import { Incoming, type SimCheckpoint } from './sim-checkpoint.js'
import type { SimGroup } from './sim-group.js'
import type { SimNode } from './sim-node.js'

type Of<K extends Transfer['kind']> = Extract<Transfer, { readonly kind: K }>

const NO_BYTES = new Uint8Array(0)
/** A checkpoint stays for so long after a part of it was read for a peer. */
const PIN_MS = 3000

/** What the core wants of the disk for checkpoints: parts read for peers, parts stored, and a checkpoint loaded in place. */
export class Transfers {
  private readonly node: SimNode

  constructor(node: SimNode) {
    this.node = node
  }

  /** One after the other, each when the disk comes to it, as long as the group is not built anew. */
  begin(group: SimGroup, transfer: Transfer): void {
    const { node } = this
    const { queue, random } = node.world
    if (transfer.kind === 'load') group.loading = true
    const { builds } = group
    group.transfersUntil = Math.max(queue.now, group.transfersUntil) + random.between(0.05, 3)
    node.later(group.transfersUntil - queue.now, () => {
      if (group.builds === builds) this.carryOut(group, transfer)
    })
  }

  private carryOut(group: SimGroup, transfer: Transfer): void {
    switch (transfer.kind) {
      case 'read':
        return this.read(group, transfer)
      case 'begin':
        return this.receive(group, transfer)
      case 'store':
        return this.store(group, transfer)
      case 'load':
        return this.stage(group, transfer)
      case 'make':
        return this.node.keeper.make(group)
    }
  }

  private read(group: SimGroup, { peer, session, instance, id, part }: Of<'read'>): void {
    const { node } = this
    const fault = node.strike('part read')
    if (fault?.what === 'crash') return
    if (fault?.what === 'checkpoint damaged' && node.keeper.damageCheckpoint(group)) {
      node.world.coverage.hitNode('checkpoint damaged')
    }
    const checkpoint = this.readable(group, group.disk.find({ instance, id }))
    if (checkpoint !== undefined) checkpoint.pinnedUntil = node.world.queue.now + PIN_MS
    node.put(group.index, { kind: 'part-read', peer, session, part, bytes: checkpoint?.parts[part] ?? NO_BYTES })
  }

  /** Undefined if it is not there, or if it is found damaged: then it is not offered any more. */
  private readable(group: SimGroup, checkpoint: SimCheckpoint | undefined): SimCheckpoint | undefined {
    if (checkpoint === undefined || checkpoint.isSound) return checkpoint
    group.disk.remove(checkpoint)
    this.node.keeper.tell(group)
    return undefined
  }

  private receive(group: SimGroup, { session, ...offer }: Of<'begin'>): void {
    const { disk } = group
    group.receiving = session
    const local = disk.find(offer)
    if (local !== undefined) {
      this.answer(group, { session, next: local.parts.length, known: local.parts.length, state: 'complete' })
      return
    }
    const { incoming } = disk
    if (incoming?.ref.instance !== offer.instance || incoming.ref.id !== offer.id) {
      disk.incoming = new Incoming(offer)
      this.answer(group, { session, next: 0, known: 1, state: 'open' })
      return
    }
    if (incoming.next > 0) this.node.world.coverage.hitNode('transfer resumed')
    this.answer(group, { session, next: incoming.next, known: incoming.known, state: 'open' })
  }

  private store(group: SimGroup, { session, part, bytes }: Of<'store'>): void {
    const { node } = this
    const { world, nodeId } = node
    const { disk } = group
    const { incoming } = disk
    // It follows one that was refused.
    if (group.receiving !== session) return
    assert(incoming !== undefined, `node ${nodeId} stores a part of a checkpoint that was never begun`)
    partFollows(nodeId, incoming.next, part, world.checkpoints.part(incoming.ref, part), bytes)
    const fault = node.strike('part stored')
    if (fault?.what === 'crash') return
    if (fault?.what === 'transfer fails') {
      world.coverage.hitNode('part refused')
      group.receiving = 0
      this.answer(group, { session, next: 0, known: 0, state: 'refused' })
      return
    }
    const state = incoming.append(bytes)
    assert(state !== 'refused', 'what was sent by a peer that could read it is what was offered')
    if (world.random.chance(0.5)) incoming.flush()
    if (state === 'complete') {
      // Under its final name, and durable, before anybody hears of it.
      disk.add(incoming.finish(), world.plan.state.keep, world.queue.now)
      disk.incoming = undefined
      if (node.diesAt('load received')) return
    }
    this.answer(group, { session, next: incoming.next, known: incoming.known, state })
  }

  private answer(group: SimGroup, stored: Omit<PartStored, 'kind' | 'sharers'>): void {
    this.node.put(group.index, { kind: 'part-stored', ...stored, sharers: 1 })
  }

  /** Beside the state there is, while the group votes and executes. */
  private stage(group: SimGroup, { instance, id }: Of<'load'>): void {
    const { node } = this
    const { world } = node
    const { disk, builds } = group
    loadsOnlyWhole(node.nodeId, instance, disk.incoming?.ref.id !== id || disk.incoming.isComplete)
    node.later(world.random.between(0.1, 2 * world.plan.state.loadMs), () => {
      if (group.builds !== builds) return
      const fault = node.strike('load staged')
      if (fault?.what === 'crash') return
      const found = disk.find({ instance, id })
      if (fault?.what === 'transfer fails' && found !== undefined) this.failToLoad(group, found)
      node.whenFree(group, () => group.builds !== builds || this.load(group, found))
    })
  }

  private failToLoad(group: SimGroup, checkpoint: SimCheckpoint): void {
    const { node } = this
    if (checkpoint === group.disk.checkpoints[0] && node.keeper.damageCheckpoint(group)) {
      node.world.coverage.hitNode('load fails')
    }
  }

  /**
   * Between two rounds: the log's head, then the state, each in one commit, then the group is built anew from disk. False
   * if the node died over it.
   */
  private load(group: SimGroup, found: SimCheckpoint | undefined): boolean {
    const { node } = this
    const { world, nodeId } = node
    const checkpoint = this.readable(group, found)
    const isLate = found !== undefined && !group.group.isHelpedBy(found.instance)
    if (checkpoint === undefined || isLate) {
      group.loading = false
      node.step(group, { kind: 'load-failed' })
      return true
    }
    const state = checkpoint.state()
    const { instance } = checkpoint
    world.executions.check(nodeId, group.index, state, group.ledger.chain(instance))
    const before = group.group.head()
    const after = headAfterLoad(before, state)
    loadKeepsVotes(nodeId, instance, before, after)
    group.commit(nodeId, after)
    world.note(nodeId, group.index, `loads a checkpoint of ${instance}: its log begins at ${after.firstKept}`)
    if (node.diesAt('load log moved')) return false
    if (world.plan.state.isStored) {
      stateFollowsLog(nodeId, state.executedUpTo, group.disk.log.head.chosenUpTo)
      group.disk.state = state
    }
    if (node.diesAt('load state moved')) return false
    world.coverage.hitNode(group.loadsOwn ? 'own checkpoint loaded' : 'checkpoint loaded')
    node.callersFail(group)
    node.builds.anew(group)
    return true
  }
}
