import type { GroupIndex, Instance, NodeId } from '../../src/base/numbers.js'
import type { Value } from '../../src/core/command-run.js'
import { clearEffects } from '../../src/core/effects.js'
import { Group } from '../../src/core/group.js'
import type { Input, OwnRun } from '../../src/core/input.js'
import { knowsOnlyChosen } from '../../src/core/invariants.js'
import { Membership } from '../../src/core/membership.js'
import type { Message } from '../../src/core/messages.js'
import type { TimerKind } from '../../src/core/timers.js'
import { TestDisk } from '../support/core-disk.js'
import { testValues } from '../support/core-values.js'
import type { Place } from './faults.js'
import type { Endpoint } from './network.js'
import { SimGroup } from './sim-group.js'
import { StepRules } from './step-rules.js'
import type { World } from './world.js'

const ROUND_INPUTS = 200
const EXECUTIONS_PER_ROUND = 50

/** One node: a worker's round over the real core, on a disk that forgets what was not committed. */
export class SimNode implements Endpoint {
  readonly nodeId: NodeId
  up = false
  /** Counts starts of the process. */
  life = 0
  groups: SimGroup[] = []
  /** This node's monotonic clock: its rate against virtual time, and another zero in every life. */
  clockRate = 1
  private clockZero = 0
  private disks: TestDisk[]
  /** Counts the disks it has had: the votes of the first one count. */
  private disksLost = 0
  private readonly world: World
  private inbox: { readonly group: SimGroup; readonly input: Input }[] = []
  private readonly links = new Map<NodeId, boolean>()
  /** The sockets of a process are there before its groups: until those are loaded, what peers say is lost. */
  private listening = false
  private busy = false
  /** What comes due while the process is stopped; undefined: it runs. */
  private stalled: (() => void)[] | undefined
  /** Its disk failed: the process lives, its links stay up, and none of its groups takes a step any more. */
  private silent = false
  /** Groups that took part in the present round. */
  private touched = new Set<SimGroup>()

  constructor(nodeId: NodeId, world: World, groups: number) {
    this.nodeId = nodeId
    this.world = world
    this.disks = Array.from({ length: groups }, () => new TestDisk())
  }

  get now(): number {
    return this.world.queue.now * this.clockRate + this.clockZero
  }

  /** It takes callers. */
  get serves(): boolean {
    return this.up && !this.silent
  }

  /** Born with the disk. */
  get voterId(): string {
    return `voter ${this.disksLost} of ${this.nodeId}`
  }

  /** Whether its present disk is the one that the membership names. */
  get isVoter(): boolean {
    return this.disksLost === 0
  }

  /** Whether it is a voter that can tell the others what an instance chose. */
  canTell(group: GroupIndex, instance: Instance): boolean {
    const disk = this.disks[group]
    return this.isVoter && disk?.record(instance) !== undefined && disk.head.chosenUpTo >= instance
  }

  start(): void {
    const { random, plan } = this.world
    const { clockSpread } = plan.faults
    this.up = true
    this.life++
    this.busy = false
    this.stalled = undefined
    this.silent = false
    this.inbox = []
    this.links.clear()
    this.clockZero = random.below(1_000_000)
    this.clockRate = 1 + random.between(-clockSpread, clockSpread)
    this.world.note(this.nodeId, 0, `starts life ${this.life} as ${this.voterId}`)
    this.groups = this.disks.map((disk, index) => {
      const rules = new StepRules(this.nodeId, this.isVoter, plan.tuning.window)
      const ledger = this.world.ledgers[index] as (typeof this.world.ledgers)[number]
      return new SimGroup(index, this.build(disk), disk, ledger, rules)
    })
    for (const group of this.groups) this.begin(group)
    this.touched = new Set(this.groups)
    this.finishRound()
    this.tickStatus()
    this.listening = false
    this.later(random.chance(0.5) ? random.between(0, 300) : 0, () => this.listen())
  }

  private listen(): void {
    this.listening = true
    for (const [peer, up] of this.links) this.tellLink(peer, up)
  }

  crash(downMs: number): void {
    if (!this.up) return
    const { world, life } = this
    world.note(this.nodeId, 0, 'crashes')
    world.crashes++
    this.up = false
    for (const group of this.groups) group.countUnsent(world.coverage)
    for (const { input } of this.inbox) {
      if (input.kind === 'message') world.coverage.hit(input.message.kind, 'undelivered')
    }
    world.workload.nodeDied(this.nodeId)
    world.network.died(this.nodeId)
    world.queue.after(downMs, () => {
      if (this.life === life) world.raise(this.nodeId)
    })
  }

  /** Of a node that is down: it comes back as another voter, one that the membership does not know. */
  loseDisk(): void {
    this.world.note(this.nodeId, 0, 'loses its disk')
    this.disksLost++
    this.disks = this.disks.map(() => new TestDisk())
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

  /** Its callers are refused there. */
  isRetrying(group: GroupIndex): boolean {
    return this.groups[group]?.retrying === true
  }

  receive(from: NodeId, group: GroupIndex, message: Message): void {
    if (this.listening && !this.silent) this.put(group, { kind: 'message', from, message })
    else this.world.coverage.hit(message.kind, 'undelivered')
  }

  linkChanged(peer: NodeId, up: boolean): void {
    this.links.set(peer, up)
    if (this.listening) this.tellLink(peer, up)
  }

  private tellLink(peer: NodeId, up: boolean): void {
    for (const group of this.groups) {
      this.put(group.index, this.linkInput(peer, up))
      if (up && !this.sendStatus(peer, group)) return
    }
  }

  /** False if the node died over it. */
  private sendStatus(peer: NodeId, group: SimGroup): boolean {
    const { network, coverage } = this.world
    const isSent = network.send(this.nodeId, peer, group.index, group.group.status())
    if (!isSent) coverage.hit('status', 'unsent')
    return isSent
  }

  private linkInput(peer: NodeId, up: boolean): Input {
    return { kind: 'link', peer, voterId: this.world.node(peer).voterId, up }
  }

  private build(disk: TestDisk): Group {
    const { plan, nodeIds, random } = this.world
    const voters = nodeIds.map((nodeId) => ({ nodeId, voterId: `voter 0 of ${nodeId}` }))
    const config = {
      nodeId: this.nodeId,
      voterId: this.voterId,
      incarnation: `n${this.nodeId}-life-${this.life}`,
      membership: new Membership(0, voters),
      values: testValues,
      seed: random.uint32(),
      proposeOn: this.nodeId <= plan.duellists ? ('here' as const) : ('leader' as const),
      tuning: plan.tuning,
    }
    return new Group(config, disk.load())
  }

  private begin(group: SimGroup): void {
    group.rules.begins(group.group)
    group.group.start(this.now, group.effects)
    this.gather(group)
  }

  private put(index: GroupIndex, input: Input): void {
    if (this.silent) return
    const group = this.groups[index]
    if (!group) throw new Error(`no group ${index}`)
    this.inbox.push({ group, input })
    this.wake()
  }

  private wake(): void {
    if (this.busy) return
    this.busy = true
    const { random } = this.world
    // Now and then the thread is held up.
    const delay = random.chance(0.03) ? random.between(0, 10) : random.between(0, 0.1)
    this.later(delay, () => this.round())
  }

  /** Runs `action` later, if this life still lasts. */
  private later(delayMs: number, action: () => void): void {
    const life = this.life
    this.world.queue.after(delayMs, () => {
      if (!this.up || this.life !== life || this.silent) return
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
      if (this.diesAt('input')) return
    }
    for (const group of touched) this.step(group, { kind: 'drained' })
    this.finishRound()
  }

  private finishRound(): void {
    const { touched, world } = this
    const { random } = world
    this.busy = true
    for (const group of touched) if (!this.publish(group)) return
    const committing = this.groups.filter((group) => group.mustCommit)
    if (committing.length === 0) {
      this.afterCommit()
      return
    }
    if (random.chance(0.03)) {
      // Answers may come in before what they answer is on the own disk: the inboxes are drained again before the commit.
      this.later(random.between(0, 10), () => this.round())
      return
    }
    const fault = world.schedule.at('commit', this.nodeId)
    const commitMs = random.between(0.2, 3)
    switch (fault?.what) {
      case 'crash':
        world.coverage.hitNode('crash at commit')
        this.crash(fault.args[0] as number)
        return
      case 'disk error':
        this.later(commitMs, () => this.failDisk(committing, fault.args[0] as number, fault.args[1] === 1))
        return
      case 'slow commit':
        world.coverage.hitNode('slow commit')
        this.later(commitMs + (fault.args[0] as number), () => this.commit(committing))
        return
      default:
        this.later(commitMs, () => this.commit(committing))
    }
  }

  private commit(committing: readonly SimGroup[]): void {
    for (const group of committing) group.commit(this.nodeId)
    // Durable, and not yet told to anybody.
    if (this.diesAt('committed')) return
    for (const group of committing) {
      this.step(group, { kind: 'persisted' })
      this.touched.add(group)
      if (!this.publish(group)) return
    }
    this.afterCommit()
  }

  /** A commit fails, and whether it was written only a restart will show: until then none of the groups says anything. */
  private failDisk(committing: readonly SimGroup[], ms: number, isWritten: boolean): void {
    const { world, life } = this
    world.note(this.nodeId, 0, `a commit fails, ${isWritten ? 'yet it is written' : 'and nothing is written'}`)
    world.coverage.hitNode(isWritten ? 'disk error, written' : 'disk error, not written')
    if (isWritten) for (const group of committing) group.commit(this.nodeId)
    this.silent = true
    world.workload.nodeDied(this.nodeId)
    world.queue.after(ms, () => {
      if (this.life === life) this.crash(0)
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
      // This node's own trouble, and its own repair; the peer asks another node.
      if (values.length === 0) this.step(group, { kind: 'unreadable', instance: from })
      this.inbox.push({ group, input: { kind: 'served', peer, session, from, once, values } })
    }
    group.reads.length = 0
  }

  /** False if the node died over it. */
  private execute(group: SimGroup): boolean {
    const core = group.group
    if (group.retrying) return true
    for (let budget = EXECUTIONS_PER_ROUND; budget > 0 && core.executedUpTo < core.chosenUpTo; budget--) {
      const instance = core.executedUpTo + 1
      const fault = this.world.schedule.at('execution', this.nodeId)
      if (fault?.what === 'record damaged') this.damage(group, fault.args[0] as number)
      const value = core.chosenValue(instance) ?? group.disk.record(instance)?.value
      if (!value) return this.unreadable(group, instance)
      if (fault?.what === 'crash') {
        this.world.coverage.hitNode('crash at execution')
        this.crash(fault.args[0] as number)
        return false
      }
      if (fault?.what === 'machine fails') {
        this.failMachine(group, instance, fault.args[0] as number)
        return true
      }
      group.ledger.knows(this.nodeId, instance, value)
      const runs = core.planExecution(instance, value)
      this.world.executions.execute(this.nodeId, this.replicaOf(group), group.index, instance, runs)
      this.step(group, { kind: 'executed', instance })
      if (!this.publish(group)) return false
    }
    if (core.executedUpTo < core.chosenUpTo) this.later(0.05, () => this.continueExecution(group))
    return true
  }

  /** Bits of a chosen record flip, of the next one or of any other, as long as two other voters can tell what it was. */
  private damage(group: SimGroup, place: number): void {
    const { world, nodeId } = this
    const instance = place < 0.5 ? group.group.executedUpTo + 1 : Math.ceil(place * group.disk.head.chosenUpTo)
    if (instance > group.disk.head.chosenUpTo || world.copies(group.index, instance) < 3) return
    world.note(nodeId, group.index, `the record of instance ${instance} is damaged`)
    world.coverage.hitNode('record damaged')
    group.disk.records[instance] = undefined
  }

  /** A chosen record is learned again; nothing after it is executed before. False if the node died over it. */
  private unreadable(group: SimGroup, instance: number): boolean {
    const isKnown = group.unreadableAt === instance
    group.unreadableAt = instance
    if (isKnown) return true
    this.step(group, { kind: 'unreadable', instance })
    return this.publish(group)
  }

  private continueExecution(group: SimGroup): void {
    if (this.busy) this.later(0.1, () => this.continueExecution(group))
    else if (this.execute(group) && group.mustCommit) this.wake()
  }

  /** Every build of a group executes the log from its beginning. */
  private replicaOf(group: SimGroup): number {
    return this.life + group.builds / 10_000
  }

  private failMachine(group: SimGroup, instance: number, ms: number): void {
    const { world, nodeId } = this
    world.note(nodeId, group.index, `its state machine throws at instance ${instance}`)
    world.coverage.hitNode('machine fails')
    group.retrying = true
    this.inbox = this.inbox.filter((entry) => entry.group !== group || !isCaller(entry.input))
    world.workload.groupFailed(nodeId, group.index)
    this.later(ms, () => this.rebuild(group))
  }

  /** Between two rounds: what is known goes to the disk, and the group begins again from there. */
  private rebuild(group: SimGroup): void {
    if (this.busy) {
      this.later(0.1, () => this.rebuild(group))
      return
    }
    this.world.note(this.nodeId, group.index, 'is built anew from its log')
    group.commit(this.nodeId)
    group.rebuild(this.build(group.disk))
    this.begin(group)
    for (const [peer, up] of this.links) this.step(group, this.linkInput(peer, up))
    this.touched.add(group)
    this.finishRound()
  }

  private step(group: SimGroup, input: Input): void {
    const { world } = this
    world.steps++
    world.trace.add(world.queue.now, this.nodeId, group.index, { kind: 'step', input })
    group.group.step(input, this.now, group.effects)
    const chosenMoved = group.rules.stepped(group, input, group.effects)
    this.gather(group)
    if (chosenMoved) knowsOnlyChosen(this.nodeId, group.group.chosenUpTo, group.ledger.chosenUpTo)
  }

  /** Takes over what a step asked for. */
  private gather(group: SimGroup): void {
    const { effects } = group
    for (const record of effects.records) group.records.push(record)
    if (effects.head) group.head = effects.head
    for (const read of effects.reads) group.reads.push(read)
    for (const { timer, delayMs } of effects.timers) this.setTimer(group, timer, delayMs)
    for (const send of effects.sends) {
      group.rules.sent(send.message)
      group.ledger.sent(group.view(this.nodeId), this.replicaOf(group), send.message, group.disk)
      group.sends.push(send)
    }
    if (!group.retrying) this.answerCallers(group)
    for (const alarm of effects.alarms) throw new Error(`alarm ${alarm.code} at instance ${alarm.instance}`)
    clearEffects(effects)
  }

  private answerCallers({ index, effects }: SimGroup): void {
    const { workload } = this.world
    for (const query of effects.queries) workload.readEnded(this.nodeId, index, query)
    for (const end of effects.ended) workload.runEnded(this.nodeId, index, end)
  }

  private setTimer(group: SimGroup, timer: TimerKind, delayMs: number | undefined): void {
    const token = (group.timers.get(timer) ?? 0) + 1
    group.timers.set(timer, token)
    if (delayMs === undefined) return
    this.later(delayMs / this.clockRate, () => {
      if (group.timers.get(timer) === token) this.put(group.index, { kind: 'timer', timer })
    })
  }

  /** False if the node died between two messages. */
  private publish(group: SimGroup): boolean {
    const { world, nodeId } = this
    return group.publish(
      ({ to, message }) => world.trace.add(world.queue.now, nodeId, group.index, { kind: 'send', to, message }),
      (to, message) => !this.diesAt('send') && world.network.send(nodeId, to, group.index, message),
    )
  }

  /** Where the only thing that may strike is a crash; true if it did. */
  private diesAt(place: Extract<Place, 'input' | 'committed' | 'send'>): boolean {
    const fault = this.world.schedule.at(place, this.nodeId)
    if (!fault) return false
    this.world.coverage.hitNode(`crash at ${place}`)
    this.crash(fault.args[0] as number)
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
        for (const [peer, up] of links) {
          if (up && !this.sendStatus(peer, group)) return
        }
      }
      this.tickStatus()
    })
  }
}

function isCaller({ kind }: Input): boolean {
  return kind === 'propose' || kind === 'read'
}
