import type { GroupIndex, NodeId } from '../../src/base/numbers.js'
import type { Random } from '../../src/base/random.js'
import type { Value } from '../../src/core/command-run.js'
import { clearEffects } from '../../src/core/effects.js'
import { Group } from '../../src/core/group.js'
import type { Input, OwnRun } from '../../src/core/input.js'
import { knowsOnlyChosen, positionsAreOrdered } from '../../src/core/invariants.js'
import { Membership } from '../../src/core/membership.js'
import type { Message } from '../../src/core/messages.js'
import type { TimerKind } from '../../src/core/timers.js'
import { TestDisk } from '../support/core-disk.js'
import { testValues } from '../support/core-values.js'
import type { Endpoint } from './network.js'
import { SimGroup } from './sim-group.js'
import type { World } from './world.js'

function voterIdOf(nodeId: NodeId): string {
  return `voter-${nodeId}`
}

const ROUND_INPUTS = 200
const EXECUTIONS_PER_ROUND = 50

/** One node: a worker's round over the real core, on a disk that forgets what was not committed. */
export class SimNode implements Endpoint {
  readonly nodeId: NodeId
  up = false
  /** Counts starts of the process. */
  life = 0
  groups: SimGroup[] = []
  private readonly disks: TestDisk[] = []
  private readonly world: World
  private readonly random: Random
  private inbox: { readonly group: SimGroup; readonly input: Input }[] = []
  private readonly links = new Map<NodeId, boolean>()
  /** The sockets of a process are there before its groups: until those are loaded, what peers say is lost. */
  private listening = false
  private busy = false
  /** What comes due while the process is stopped; undefined: it runs. */
  private stalled: (() => void)[] | undefined
  /** Groups that took part in the present round. */
  private touched = new Set<SimGroup>()
  /** This node's monotonic clock is virtual time with another zero in every life. */
  private clockOffset = 0

  constructor(nodeId: NodeId, world: World, groups: number) {
    this.nodeId = nodeId
    this.world = world
    this.random = world.random
    for (let i = 0; i < groups; i++) this.disks.push(new TestDisk())
  }

  get now(): number {
    return this.world.queue.now + this.clockOffset
  }

  start(): void {
    const { plan, ledgers } = this.world
    this.up = true
    this.life++
    this.busy = false
    this.stalled = undefined
    this.inbox = []
    this.links.clear()
    this.clockOffset = this.random.below(1_000_000)
    const voters = this.world.nodeIds.map((nodeId) => ({ nodeId, voterId: voterIdOf(nodeId) }))
    this.groups = this.disks.map((disk, index) => {
      const config = {
        nodeId: this.nodeId,
        voterId: voterIdOf(this.nodeId),
        incarnation: `n${this.nodeId}-life-${this.life}`,
        membership: new Membership(0, voters),
        values: testValues,
        seed: this.random.uint32(),
        proposeOn: plan.proposeOn,
        tuning: plan.tuning,
      }
      return new SimGroup(index, new Group(config, disk.load()), disk, ledgers[index] as (typeof ledgers)[number])
    })
    this.world.note(this.nodeId, 0, `starts life ${this.life}`)
    for (const group of this.groups) {
      group.chosenBefore = group.group.chosenUpTo
      group.group.start(this.now, group.effects)
      this.gather(group)
    }
    this.touched = new Set(this.groups)
    this.finishRound()
    this.tickStatus()
    this.listening = false
    this.later(this.random.chance(0.5) ? this.random.between(0, 50) : 0, () => this.listen())
  }

  private listen(): void {
    this.listening = true
    for (const [peer, up] of this.links) this.tellLink(peer, up)
  }

  crash(): void {
    if (!this.up) return
    this.world.note(this.nodeId, 0, 'crashes')
    this.world.crashes++
    this.up = false
    this.world.workload.nodeDied(this.nodeId)
    this.world.network.died(this.nodeId)
  }

  /** As SIGSTOP: it takes no steps, its connections stay up, and what comes in waits. */
  pause(): void {
    this.world.note(this.nodeId, 0, 'is paused')
    this.stalled = []
  }

  resume(): void {
    const { stalled } = this
    if (!stalled) return
    this.world.note(this.nodeId, 0, 'goes on')
    this.stalled = undefined
    for (const action of stalled) this.later(0, action)
  }

  propose(group: GroupIndex, run: OwnRun): void {
    this.put(group, { kind: 'propose', run })
  }

  read(group: GroupIndex, token: number, deadline: number): void {
    this.put(group, { kind: 'read', token, deadline })
  }

  receive(from: NodeId, group: GroupIndex, message: Message): void {
    if (!this.listening) return
    this.put(group, { kind: 'message', from, message })
  }

  linkChanged(peer: NodeId, up: boolean): void {
    this.links.set(peer, up)
    if (this.listening) this.tellLink(peer, up)
  }

  private tellLink(peer: NodeId, up: boolean): void {
    for (const group of this.groups) {
      this.put(group.index, { kind: 'link', peer, voterId: voterIdOf(peer), up })
      if (up) this.world.network.send(this.nodeId, peer, group.index, group.group.status())
    }
  }

  private put(index: GroupIndex, input: Input): void {
    const group = this.groups[index]
    if (!group) throw new Error(`no group ${index}`)
    this.inbox.push({ group, input })
    this.wake()
  }

  private wake(): void {
    if (this.busy) return
    this.busy = true
    // Now and then the thread is held up.
    const delay = this.random.chance(0.03) ? this.random.between(0, 10) : this.random.between(0, 0.1)
    this.later(delay, () => this.round())
  }

  /** Runs `action` later, if this life still lasts. */
  private later(delayMs: number, action: () => void): void {
    const life = this.life
    this.world.queue.after(delayMs, () => {
      if (!this.up || this.life !== life) return
      if (this.stalled) this.stalled.push(action)
      else action()
    })
  }

  private round(): void {
    const inputs = this.inbox
    this.inbox = inputs.length > ROUND_INPUTS ? inputs.splice(ROUND_INPUTS) : []
    const { touched } = this
    for (const { group, input } of inputs) {
      this.step(group, input)
      touched.add(group)
      if (this.maybeCrash()) return
    }
    for (const group of touched) this.step(group, { kind: 'drained' })
    this.finishRound()
  }

  private finishRound(): void {
    const { touched } = this
    this.busy = true
    for (const group of touched) if (!this.publish(group)) return
    const committing = this.groups.filter((group) => group.mustCommit)
    if (committing.length === 0) {
      this.afterCommit()
      return
    }
    if (this.random.chance(0.03)) {
      // Answers may come in before what they answer is on the own disk: the inboxes are drained again before the commit.
      this.later(this.random.between(0, 10), () => this.round())
      return
    }
    this.later(this.world.commitMs(), () => {
      for (const group of committing) {
        const head = group.head ?? group.group.head()
        group.ledger.commit(this.nodeId, group.disk, group.records, head)
        group.records.length = 0
        group.head = undefined
      }
      // Durable, and not yet told to anybody.
      if (this.maybeCrash()) return
      for (const group of committing) {
        this.step(group, { kind: 'persisted' })
        touched.add(group)
        if (!this.publish(group)) return
      }
      this.afterCommit()
    })
  }

  private afterCommit(): void {
    for (const group of this.touched) {
      this.serveReads(group)
      if (!this.execute(group)) return
    }
    this.touched.clear()
    this.busy = false
    const more = this.inbox.length > 0 || this.groups.some((group) => group.mustCommit)
    if (more) this.wake()
  }

  /** Reads of the log are answered after the commit: a chosen record may have been waiting for it. */
  private serveReads(group: SimGroup): void {
    for (const { peer, session, from, upTo, maxBytes, once } of group.reads) {
      const values: Value[] = []
      let bytes = 0
      for (let instance = from; instance <= upTo; instance++) {
        const record = group.disk.record(instance)
        if (!record || (bytes > 0 && bytes + record.value.length > maxBytes)) break
        group.ledger.knows(this.nodeId, instance, record.value)
        values.push(record.value)
        bytes += record.value.length
      }
      this.inbox.push({ group, input: { kind: 'served', peer, session, from, once, values } })
    }
    group.reads.length = 0
  }

  private execute(group: SimGroup): boolean {
    const core = group.group
    for (let budget = EXECUTIONS_PER_ROUND; budget > 0 && core.executedUpTo < core.chosenUpTo; budget--) {
      const instance = core.executedUpTo + 1
      const value = core.chosenValue(instance) ?? group.disk.record(instance)?.value
      if (!value) throw new Error(`node ${this.nodeId} has no value for chosen instance ${instance}`)
      group.ledger.knows(this.nodeId, instance, value)
      this.world.executions.execute(this.nodeId, this.life, group.index, instance, core.planExecution(instance, value))
      this.step(group, { kind: 'executed', instance })
      if (!this.publish(group)) return false
    }
    if (core.executedUpTo < core.chosenUpTo) this.later(0.05, () => this.continueExecution(group))
    return true
  }

  private continueExecution(group: SimGroup): void {
    if (this.busy) this.later(0.1, () => this.continueExecution(group))
    else if (this.execute(group) && group.mustCommit) this.wake()
  }

  private step(group: SimGroup, input: Input): void {
    const { world } = this
    world.steps++
    world.trace.add(world.queue.now, this.nodeId, group.index, { kind: 'step', input })
    group.group.step(input, this.now, group.effects)
    this.gather(group)
    positionsAreOrdered(group.view(this.nodeId))
    const { chosenUpTo } = group.group
    if (chosenUpTo !== group.chosenBefore) {
      knowsOnlyChosen(this.nodeId, chosenUpTo, group.ledger.chosenUpTo)
      group.chosenBefore = chosenUpTo
    }
  }

  /** Takes over what a step asked for. */
  private gather(group: SimGroup): void {
    const { effects } = group
    for (const record of effects.records) group.records.push(record)
    if (effects.head) group.head = effects.head
    for (const read of effects.reads) group.reads.push(read)
    for (const { timer, delayMs } of effects.timers) this.setTimer(group, timer, delayMs)
    for (const send of effects.sends) {
      group.ledger.sent(group.view(this.nodeId), this.life, send.message, group.disk)
      group.sends.push(send)
    }
    for (const query of effects.queries) this.world.workload.readEnded(this.nodeId, group.index, query)
    for (const end of effects.ended) this.world.workload.runEnded(this.nodeId, group.index, end)
    for (const alarm of effects.alarms) throw new Error(`alarm ${alarm.code} at instance ${alarm.instance}`)
    clearEffects(effects)
  }

  private setTimer(group: SimGroup, timer: TimerKind, delayMs: number | undefined): void {
    const token = (group.timers.get(timer) ?? 0) + 1
    group.timers.set(timer, token)
    if (delayMs === undefined) return
    this.later(delayMs, () => {
      if (group.timers.get(timer) === token) this.put(group.index, { kind: 'timer', timer })
    })
  }

  /** False if the node died between two messages. */
  private publish(group: SimGroup): boolean {
    for (const { to, message } of group.sends) {
      this.world.trace.add(this.world.queue.now, this.nodeId, group.index, { kind: 'send', to, message })
      for (const peer of to) {
        if (this.maybeCrash()) return false
        this.world.network.send(this.nodeId, peer, group.index, message)
      }
    }
    group.sends.length = 0
    return true
  }

  private maybeCrash(): boolean {
    if (!this.random.chance(this.world.faults.crashInRound)) return false
    this.crash()
    return true
  }

  /** The host's coalesced status: at an interval, of what changed, or where something got lost. */
  private tickStatus(): void {
    this.later(1000, () => {
      const { network } = this.world
      const repaired = [...this.links].filter(([peer, up]) => network.takeLossy(this.nodeId, peer) && up)
      for (const group of this.groups) {
        const status = group.group.status()
        const words = `${status.chosenUpTo} ${status.lastAccepted} ${status.chain}`
        const changed = words !== group.lastStatus
        group.lastStatus = words
        const links = changed ? this.links : repaired
        for (const [peer, up] of links) if (up) network.send(this.nodeId, peer, group.index, status)
      }
      this.tickStatus()
    })
  }
}
