import { assert, unreachable } from '../base/assert.js'
import type { Ballot, Instance, Millis, NodeId } from '../base/numbers.js'
import { Acceptor } from './acceptor.js'
import { CheckpointFetch } from './checkpoint-fetch.js'
import { CheckpointSource } from './checkpoint-source.js'
import type { Value } from './command-run.js'
import type { GroupConfig } from './config.js'
import { type Base, type DurableState, EMPTY_BASE, type Head } from './durable.js'
import type { Effects } from './effects.js'
import { Execution, type PlannedRun } from './execution.js'
import { GroupState } from './group-state.js'
import type { Input } from './input.js'
import { LearnSource } from './learn-source.js'
import { Learner } from './learner.js'
import type { Message, Status } from './messages.js'
import { Origin } from './origin.js'
import { Proposer } from './proposer.js'
import { Reads } from './reads.js'
import { Repair } from './repair.js'
import type { Roles } from './roles.js'
import type { TimerKind } from './timers.js'

/**
 * One replicated log: a pure machine. It takes inputs and appends effects; it knows no clock, disk, network or thread,
 * and the same inputs give the same effects. This file only says which role hears what.
 */
export class Group {
  private readonly state: GroupState
  private readonly roles: Roles
  private readonly execution: Execution

  /** `base`: where the state machines stand; the log is executed from there on. */
  constructor(config: GroupConfig, durable: DurableState, base: Base = EMPTY_BASE) {
    this.state = new GroupState(config, durable, base)
    const roles = {} as Roles
    roles.acceptor = new Acceptor(this.state, roles)
    roles.proposer = new Proposer(this.state, roles)
    roles.learner = new Learner(this.state, roles)
    roles.source = new LearnSource(this.state, roles)
    roles.origin = new Origin(this.state, roles, base.sessions)
    roles.reads = new Reads(this.state, roles)
    roles.repair = new Repair(this.state, roles)
    roles.checkpoints = new CheckpointSource(this.state)
    roles.fetch = new CheckpointFetch(this.state, roles)
    this.roles = roles
    this.execution = new Execution(this.state, roles, base.chain)
  }

  /** Once, before the first step: an accepted tail found on disk is completed by somebody, at last by this node. */
  start(now: Millis, effects: Effects): void {
    this.state.begin(now, effects)
    this.state.startQuestions(now)
    this.roles.proposer.noteTail()
    this.roles.fetch.seek()
    this.state.end()
  }

  /** Appends to `effects`. `now` never goes back. Throws `InvariantBroken`: the group must not be stepped again. */
  step(input: Input, now: Millis, effects: Effects): void {
    const { state, roles } = this
    state.begin(now, effects)
    this.dispatch(input)
    roles.origin.routeIfWanted()
    state.end()
  }

  /** The verdict on every run of a chosen value, in log order. Once per instance, before it is executed. */
  planExecution(instance: Instance, value: Value): readonly PlannedRun[] {
    return this.execution.plan(instance, value)
  }

  /** A chosen value that waits for execution, if it is still in memory. */
  chosenValue(instance: Instance): Value | undefined {
    return instance <= this.state.chosenUpTo ? this.state.log.get(instance)?.value : undefined
  }

  head(): Head {
    return this.state.head()
  }

  status(): Status {
    return this.state.status()
  }

  get chosenUpTo(): Instance {
    return this.state.chosenUpTo
  }

  get executedUpTo(): Instance {
    return this.state.executedUpTo
  }

  /** Whether `base` may go to the disk: between two instances, when the head on disk covers what was executed. */
  get isSaveable(): boolean {
    return !this.execution.isPlanned && this.state.executedUpTo <= this.state.headChosenUpTo
  }

  /** What has to be kept with the state as of `executedUpTo`: a later build of the group begins there. */
  base(): Base {
    const { executedUpTo } = this.state
    assert(!this.execution.isPlanned, 'the state is saved between two instances')
    return { executedUpTo, chain: this.execution.chain, sessions: this.roles.origin.sessions.save() }
  }

  get firstKept(): Instance {
    return this.state.firstKept
  }

  /** What is chosen up to here is on disk, with a head that says so: the input `save` brings it there. */
  get durableChosenUpTo(): Instance {
    return this.state.headChosenUpTo
  }

  /** The log does not hold what would have to be executed next: nothing is, until a checkpoint is loaded. */
  get isStranded(): boolean {
    return this.state.executedUpTo + 1 < this.state.firstKept
  }

  /** Whether a checkpoint of `instance` brings the group on; what was begun when it did may have come too late. */
  isHelpedBy(instance: Instance): boolean {
    return this.roles.fetch.isUseful(instance)
  }

  /** The first instance of the log that peers which are catching up still need; infinite: none. */
  neededFrom(now: Millis): Instance {
    return Math.min(this.roles.source.neededFrom, this.roles.checkpoints.neededFrom(now))
  }

  get lastAccepted(): Instance {
    return this.head().lastAccepted
  }

  get promised(): Ballot {
    return this.state.promised
  }

  /** The ballot of the leader in sight (or of the likeliest one); 0 if none was heard of. */
  get leader(): Ballot {
    return this.state.leader
  }

  get isLeading(): boolean {
    return this.roles.proposer.isLeading
  }

  /** Bytes of this node's own runs that have not ended. */
  get waitingBytes(): number {
    return this.roles.origin.waitingBytes
  }

  private dispatch(input: Input): void {
    const { roles } = this
    switch (input.kind) {
      case 'message':
        return this.onMessage(input.from, input.message)
      case 'link':
        return this.onLink(input.peer, input.voterId, input.up)
      case 'propose':
        return roles.origin.propose(input.run)
      case 'read':
        return roles.reads.add(input.token, input.deadline)
      case 'timer':
        return this.onTimer(input.timer)
      case 'drained':
        return this.onDrained()
      case 'persisted':
        return this.onPersisted()
      case 'served':
        return roles.source.onServed(input)
      case 'unreadable':
        return roles.repair.onUnreadable(input.instance)
      case 'executed':
        return this.execution.onExecuted(input.instance)
      case 'checkpoint':
        this.state.checkpoint = input.checkpoint
        this.state.checkpointPaysFrom = input.paysFrom
        if (input.checkpoint !== undefined) roles.fetch.onLocal(input.checkpoint)
        return
      case 'save':
        if (this.state.headChosenUpTo < this.state.executedUpTo) this.state.persistHead()
        return
      case 'trim':
        return this.onTrim(input.firstKept)
      case 'part-read':
        return roles.checkpoints.onPartRead(input)
      case 'part-stored':
        return roles.fetch.onStored(input)
      case 'load-failed':
        return roles.fetch.onLoadFailed()
      default:
        return unreachable(input)
    }
  }

  private onMessage(from: NodeId, message: Message): void {
    const { acceptor, proposer, learner, source, origin, reads, repair } = this.roles
    switch (message.kind) {
      case 'probe':
        return proposer.onProbe(from, message.probe)
      case 'free':
        return proposer.onFree(from, message)
      case 'busy':
        return proposer.onBusy(from, message)
      case 'prepare':
        return acceptor.onPrepare(from, message)
      case 'promise':
        return proposer.onPromise(from, message)
      case 'behind':
        return proposer.onBehind(from, message)
      case 'nack':
        return proposer.onNack(message)
      case 'accept':
        return acceptor.onAccept(from, message)
      case 'accepted':
        return proposer.onAccepted(from, message)
      case 'gap':
        return proposer.onGap(from, message)
      case 'chosen':
        return learner.onChosen(from, message)
      case 'learn':
        return source.onLearn(from, message)
      case 'learned':
        if (!repair.onLearned(from, message)) learner.onLearned(from, message)
        return
      case 'learn-ack':
        return source.onLearnAck(from, message)
      case 'forward':
        return proposer.onForward(from, message)
      case 'redirect':
        return origin.onRedirect(from, message)
      case 'ask-read-point':
        return reads.onAsk(from, message.round)
      case 'read-point':
        return reads.onReadPoint(from, message)
      case 'status':
        return learner.onStatus(from, message)
      case 'offer':
        if (!repair.onOffer(from, message)) learner.onOffer(from, message)
        return
      case 'fetch':
        return this.roles.checkpoints.onFetch(from, message)
      case 'part':
        return this.roles.fetch.onPart(from, message)
      default:
        return unreachable(message)
    }
  }

  private onTimer(timer: TimerKind): void {
    const { proposer, learner, source, origin, reads, repair } = this.roles
    this.state.timerFired(timer)
    switch (timer) {
      case 'resend':
        return proposer.onResendTimer()
      case 'forward':
        return origin.onForwardTimer()
      case 'suspicion':
        return origin.onSuspicionTimer()
      case 'tail':
        return proposer.onTailTimer()
      case 'back-off':
        return proposer.onBackOffTimer()
      case 'learn':
        return learner.onLearnTimer()
      case 'read':
        return reads.onReadTimer()
      case 'deadline':
        return origin.onDeadlineTimer()
      case 'announce':
        return proposer.onAnnounceTimer()
      case 'learn-rest':
        return source.onRested()
      case 'repair':
        return repair.onTimer()
      case 'fetch':
        return this.roles.fetch.onTimer()
      default:
        return unreachable(timer)
    }
  }

  private onLink(nodeId: NodeId, voterId: string, up: boolean): void {
    const { proposer, learner, source, origin } = this.roles
    const peer = this.state.peer(nodeId)
    peer.voterId = voterId
    peer.up = up
    proposer.onLink(nodeId, up)
    learner.onLink(nodeId, up)
    source.onLink(nodeId, up)
    origin.onLink(nodeId, up)
    this.roles.fetch.onLink(nodeId, up)
  }

  private onTrim(firstKept: Instance): void {
    const { state, roles } = this
    const covered = Math.min(state.checkpoint?.instance ?? 0, state.executedUpTo)
    assert(firstKept <= covered + 1, 'only what a checkpoint covers is trimmed')
    if (firstKept <= state.firstKept) return
    state.firstKept = firstKept
    state.persistHead()
    roles.repair.onTrimmed(firstKept)
  }

  private onDrained(): void {
    const { roles, state } = this
    // Routing first: what came in this round may go into this round's instance.
    roles.origin.routeIfWanted()
    roles.proposer.pump()
    roles.reads.begin()
    // Answers that repeat what is on disk already need no further commit.
    if (!state.unpersisted) this.onPersisted()
  }

  private onPersisted(): void {
    const { state, roles } = this
    state.onPersisted()
    roles.acceptor.onPersisted()
    roles.proposer.onPersisted()
    roles.source.onPersisted()
    state.log.evict(state.executedUpTo, state.chosenUpTo, state.tuning.valueCacheBytes)
    roles.origin.routeIfWanted()
    roles.proposer.pump()
  }
}
