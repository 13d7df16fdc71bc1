import type { GroupIndex, Instance, NodeId } from '../../src/base/numbers.js'
import { clearEffects } from '../../src/core/effects.js'
import type { Input, OwnRun } from '../../src/core/input.js'
import { knowsOnlyChosen } from '../../src/core/invariants.js'
import type { Message } from '../../src/core/messages.js'
import type { TimerKind } from '../../src/core/timers.js'
import { CRASH_AT, type CrashPlace } from './crash-places.js'
import type { Fault } from './faults.js'
import { GroupBuilds } from './group-builds.js'
import type { Endpoint } from './network.js'
import { NodeExecution } from './node-execution.js'
import { NodeLinks } from './node-links.js'
import { SimDisk } from './sim-disk.js'
import type { SimGroup } from './sim-group.js'
import { StateKeeper } from './state-keeper.js'
import { Transfers } from './transfers.js'
import type { World } from './world.js'

const ROUND_INPUTS = 200

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
  private disks: SimDisk[]
  /** Counts the disks it has had: the votes of the first one count. */
  private disksLost = 0
  readonly world: World
  readonly keeper: StateKeeper
  readonly builds: GroupBuilds
  readonly links: NodeLinks
  private readonly execution: NodeExecution
  private readonly transfers: Transfers
  private inbox: { readonly group: SimGroup; readonly input: Input }[] = []
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
    this.keeper = new StateKeeper(this)
    this.builds = new GroupBuilds(this)
    this.links = new NodeLinks(this)
    this.execution = new NodeExecution(this)
    this.transfers = new Transfers(this)
    this.disks = Array.from({ length: groups }, () => new SimDisk())
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

  disk(group: GroupIndex): SimDisk {
    return this.disks[group] as SimDisk
  }

  /** Whether it is a voter that can tell the others what an instance chose, or what came of it. */
  canTell(group: GroupIndex, instance: Instance): boolean {
    const { log } = this.disk(group)
    const { firstKept, chosenUpTo } = log.head
    return this.isVoter && chosenUpTo >= instance && (instance < firstKept || log.record(instance) !== undefined)
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
    this.clockZero = random.below(1_000_000)
    this.clockRate = 1 + random.between(-clockSpread, clockSpread)
    this.world.note(this.nodeId, 0, `starts life ${this.life} as ${this.voterId}`)
    this.groups = this.disks.map((disk, index) => this.builds.first(disk, index))
    for (const group of this.groups) this.builds.begin(group)
    this.touched = new Set(this.groups)
    this.finishRound()
    this.links.begin()
    this.later(random.chance(0.5) ? random.between(0, 300) : 0, () => this.links.listen())
  }

  crash(downMs: number): void {
    if (!this.up) return
    const { world, life } = this
    world.note(this.nodeId, 0, 'crashes')
    world.crashes++
    this.up = false
    for (const disk of this.disks) disk.crash()
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
    this.disks = this.disks.map(() => new SimDisk())
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
    if (this.links.isListening && !this.silent) this.put(group, { kind: 'message', from, message })
    else this.world.coverage.hit(message.kind, 'undelivered')
  }

  linkChanged(peer: NodeId, up: boolean): void {
    this.links.changed(peer, up)
  }

  put(index: GroupIndex, input: Input): void {
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
  later(delayMs: number, action: () => void): void {
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
      if (group.trimming && this.diesAt('trimmed')) return
      if (group.trimming) this.world.coverage.hitNode('log trimmed')
      group.trimming = false
      this.step(group, { kind: 'persisted' })
      this.touched.add(group)
      if (!this.publish(group)) return
    }
    for (const group of committing) if (group.saving && !this.keeper.save(group)) return
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
      this.execution.serveReads(group)
      if (!this.execution.execute(group) || !this.keeper.look(group)) return
    }
    this.touched.clear()
    this.busy = false
    const more = this.inbox.length > 0 || this.groups.some((group) => group.mustCommit)
    if (more) this.wake()
  }

  /** Between two rounds. `action` says false if the node died over it. */
  whenFree(group: SimGroup, action: () => boolean): void {
    if (this.busy) {
      this.later(0.1, () => this.whenFree(group, action))
      return
    }
    if (!action()) return
    this.touched.add(group)
    this.finishRound()
  }

  callersFail(group: SimGroup): void {
    this.inbox = this.inbox.filter((entry) => entry.group !== group || !isCaller(entry.input))
    this.world.workload.groupFailed(this.nodeId, group.index)
  }

  step(group: SimGroup, input: Input): void {
    const { world } = this
    world.steps++
    if (input.kind === 'checkpoint') group.told = input.checkpoint
    if (input.kind === 'load-failed') group.loading = false
    world.trace.add(world.queue.now, this.nodeId, group.index, { kind: 'step', input })
    group.group.step(input, this.now, group.effects)
    const chosenMoved = group.rules.stepped(group, input, this.now, group.effects)
    this.gather(group)
    if (chosenMoved) knowsOnlyChosen(this.nodeId, group.group.chosenUpTo, group.ledger.chosenUpTo)
  }

  /** Takes over what a step asked for. */
  gather(group: SimGroup): void {
    const { effects } = group
    for (const record of effects.records) group.records.push(record)
    if (effects.head) group.head = effects.head
    for (const read of effects.reads) group.reads.push(read)
    for (const transfer of effects.transfers) this.transfers.begin(group, transfer)
    for (const { timer, delayMs } of effects.timers) this.setTimer(group, timer, delayMs)
    for (const send of effects.sends) {
      group.rules.sent(group, send, this.now)
      group.ledger.sent(group.view(this.nodeId), this.buildOf(group), send.message, group.disk.log)
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

  /** One number for each build of a group: no ballot is used by two of them. */
  private buildOf(group: SimGroup): number {
    return this.life + group.builds / 10_000
  }

  /** False if the node died between two messages. */
  publish(group: SimGroup): boolean {
    const { world, nodeId } = this
    return group.publish(
      ({ to, message }) => world.trace.add(world.queue.now, nodeId, group.index, { kind: 'send', to, message }),
      (to, message) => !this.diesAt('send') && world.network.send(nodeId, to, group.index, message),
    )
  }

  /** What strikes here; when it is a crash, the node is down already. */
  strike(place: CrashPlace): Fault | undefined {
    const fault = this.world.schedule.at(place, this.nodeId)
    if (fault?.what !== 'crash') return fault
    this.world.coverage.hitNode(CRASH_AT[place])
    this.crash(fault.args[0] as number)
    return fault
  }

  /** Where the only thing that may strike is a crash; true if it did. */
  diesAt(place: CrashPlace): boolean {
    return this.strike(place) !== undefined
  }
}

function isCaller({ kind }: Input): boolean {
  return kind === 'propose' || kind === 'read'
}
