import type { Ballot, Instance, NodeId } from '../base/numbers.js'
import { Queue } from '../base/queue.js'
import { ballotNode, nextBallot } from './ballot.js'
import { Campaign } from './campaign.js'
import type { CommandRun } from './command-run.js'
import type { GroupState } from './group-state.js'
import type { Accepted, Behind, Busy, Forward, Free, Gap, Nack, Promised } from './messages.js'
import { Pipeline } from './pipeline.js'
import { Probing } from './probing.js'
import { recover } from './recovery.js'
import type { Roles } from './roles.js'

/** Whether this node leads, tries to, or neither; and the runs that wait for an instance. */
export class Proposer {
  private readonly state: GroupState
  private readonly roles: Roles
  private probing: Probing | undefined
  private campaign: Campaign | undefined
  private pipeline: Pipeline | undefined
  /** What this node would propose if it leads: own runs and forwarded ones. */
  private queue = new Queue<CommandRun>()
  /** Keys of runs queued or in flight here: a run that is forwarded again is not queued twice. */
  private readonly held = new Set<string>()
  /** Nodes whose forwarded runs this node has taken: told when it loses its leadership. */
  private readonly forwarders = new Set<NodeId>()
  private queuedBytes = 0
  /** Rounds lost in a row: doubles the back-off. */
  private lost = 0
  private backingOff = false
  /** An accepted tail stayed open for too long, or a read point does not get chosen: lead to complete it. */
  private mustComplete = false
  /** `chosenUpTo` when the tail timer was armed. */
  private tailSince: Instance = 0

  constructor(state: GroupState, roles: Roles) {
    this.state = state
    this.roles = roles
  }

  get isLeading(): boolean {
    return this.pipeline !== undefined
  }

  /** Ballot this node leads or campaigns at; 0 if neither. */
  get ballot(): Ballot {
    return this.pipeline?.ballot ?? this.campaign?.ballot ?? 0
  }

  /** Nobody without a vote can propose: it forwards, whatever its configuration says. */
  get proposesHere(): boolean {
    return this.state.config.proposeOn === 'here' && this.state.isVoter
  }

  get waitingBytes(): number {
    return this.queuedBytes + (this.pipeline?.inFlightBytes ?? 0)
  }

  // --- what waits ---

  /** Runs to be proposed here: they go into instances when this node leads. */
  enqueue(run: CommandRun): void {
    const key = runKey(run)
    if (this.held.has(key) || this.roles.origin.sessions.isDone(run)) return
    this.held.add(key)
    this.queue.push(run)
    this.queuedBytes += this.state.config.values.size(run)
  }

  onForward(from: NodeId, { hops, runs }: Forward): void {
    const { state } = this
    if (this.pipeline || this.campaign) {
      this.forwarders.add(from)
      for (const run of runs) this.enqueue(run)
      return
    }
    const leader = state.leaderInSight()
    if (leader !== 0 && leader !== from && hops === 0) state.send(leader, { kind: 'forward', hops: 1, runs })
    else state.send(from, { kind: 'redirect', ballot: leader === 0 ? 0 : state.leader })
  }

  /** A run was executed (or refused) by the log: it is not in flight any more. */
  onRunEnded(run: CommandRun): void {
    this.held.delete(runKey(run))
  }

  // --- becoming leader ---

  /** Something here needs a leader and none is in sight: ask, and then try. */
  seekLeadership(): void {
    const { state } = this
    if (this.backingOff || this.probing || this.campaign || this.pipeline) return
    if (this.proposesHere) {
      this.startCampaign()
      return
    }
    this.probing = new Probing(state.nextQuestion('probe'))
    const asked = state.isVoter ? state.otherVoters() : this.someVoter(this.probing.id)
    state.broadcast(asked, { kind: 'probe', probe: this.probing.id })
    this.backOff()
    this.maybeCampaign()
  }

  onProbe(from: NodeId, probe: number): void {
    const { state } = this
    // Who has no vote asks only one of us, and cannot try itself: it wants to hear of any leader, idle ones included.
    const cannotTry = !state.isVotingPeer(from)
    if (this.seesLivingLeader(from) || (cannotTry && this.pipeline)) {
      state.send(from, { kind: 'busy', probe, ballot: state.leader })
      return
    }
    state.send(from, { kind: 'free', probe, promised: state.promised, chosenUpTo: state.chosenUpTo })
    if (cannotTry && state.isVoter) this.seekLeadership()
  }

  /** One voter is enough to find a leader for a node without a vote: several would only duel over it. */
  private someVoter(turn: number): NodeId[] {
    const { state } = this
    const linked = state.otherVoters().filter((nodeId) => state.peers.get(nodeId)?.up)
    return linked.slice(turn % Math.max(1, linked.length)).slice(0, 1)
  }

  onFree(from: NodeId, { probe, promised, chosenUpTo }: Free): void {
    const { state } = this
    state.sawBallot(promised)
    if (this.probing?.id !== probe || !state.isVotingPeer(from)) return
    this.roles.learner.noteEvidence(from, chosenUpTo)
    this.probing.free.add(from)
    this.maybeCampaign()
  }

  onBusy(from: NodeId, { probe, ballot }: Busy): void {
    const { state } = this
    state.sawBallot(ballot)
    if (this.probing?.id !== probe || ballotNode(ballot) === state.nodeId) return
    this.probing = undefined
    // What another heard is not heard here: two nodes that told each other would keep a dead leader in sight for ever.
    if (ballotNode(ballot) === from) state.hearLeader(ballot)
    else state.believeLeader(ballot)
    if (state.leaderInSight() === 0) state.relay = from
    this.roles.origin.wantRoute()
  }

  private maybeCampaign(): void {
    const { state } = this
    if (state.isVoter && this.probing?.isFree(state)) this.startCampaign()
  }

  private startCampaign(): void {
    const { state } = this
    this.probing = undefined
    const ballot = nextBallot(Math.max(state.seen, state.promised), state.nodeId)
    state.sawBallot(ballot)
    this.campaign = new Campaign(ballot, state.chosenUpTo + 1)
    state.leader = ballot
    state.leaderSuspected = false
    state.relay = 0
    this.roles.acceptor.raisePromise(ballot)
    state.armTimer('resend', state.tuning.resendMs)
  }

  onPromise(from: NodeId, promise: Promised): void {
    const { state, campaign } = this
    if (campaign?.ballot !== promise.ballot || promise.version !== state.membership.version) return
    if (!state.isVotingPeer(from)) return
    campaign.addPromise(from, promise)
    this.maybeLead()
  }

  private maybeLead(): void {
    const { state, campaign } = this
    if (!campaign?.hasMajority(state)) return
    const values = recover(state.chosenUpTo, campaign.reported(state))
    this.campaign = undefined
    const recoveredTo = state.chosenUpTo + values.length
    // What is left above is dead, and nobody would ever complete it as long as this node leads: a read point must not
    // come to lie there.
    state.log.dropAbove(recoveredTo)
    this.pipeline = new Pipeline(state, this.roles, campaign.ballot, recoveredTo, values)
    this.lost = 0
    this.mustComplete = false
    this.roles.reads.onRecovered(campaign.ballot, recoveredTo)
    this.roles.origin.wantRoute()
  }

  // --- leading ---

  /** A reader's point may be the last instance: it must hear that it is chosen. */
  onReadElsewhere(): void {
    this.pipeline?.hurry()
  }

  onAnnounceTimer(): void {
    this.pipeline?.announceNow()
  }

  /** Opens instances for what waits, as far as the window allows. */
  pump(): void {
    const { state, pipeline } = this
    if (!pipeline) return
    pipeline.reproposeRecovered()
    while (this.queue.length > 0 && pipeline.isRecovered && pipeline.hasRoom(this.nextBytes())) {
      const runs = this.takeBatch()
      if (runs.length === 0) continue
      pipeline.propose(state.config.values.encode(runs))
      if (runs.some((run) => run.origin !== state.nodeId)) pipeline.hurry()
    }
    pipeline.announce()
  }

  private nextBytes(): number {
    const { tuning } = this.state
    return Math.min(this.queuedBytes, tuning.batchBytes)
  }

  /** The next runs for one instance; runs that have ended meanwhile are dropped. */
  private takeBatch(): CommandRun[] {
    const { tuning, config } = this.state
    const runs: CommandRun[] = []
    let bytes = 0
    let count = 0
    for (let run = this.queue.peek(); run; run = this.queue.peek()) {
      const size = config.values.size(run)
      if (runs.length > 0 && (bytes + size > tuning.batchBytes || count + run.count > tuning.batchCount)) break
      this.queue.shift()
      this.queuedBytes -= size
      if (!this.roles.origin.stillWanted(run)) {
        this.held.delete(runKey(run))
        continue
      }
      runs.push(run)
      bytes += size
      count += run.count
    }
    return runs
  }

  /** The own promise of a campaign is durable. */
  onPersisted(): void {
    const { state, campaign } = this
    if (!campaign) return
    campaign.onOwnPromiseDurable(state)
    this.maybeLead()
  }

  onOwnAccepted(ballot: Ballot, upTo: Instance): void {
    if (this.pipeline?.ballot === ballot) this.pipeline.onOwnAccepted(upTo)
  }

  onAccepted(from: NodeId, { ballot, version, chosenUpTo, upTo }: Accepted): void {
    const { state } = this
    if (this.pipeline?.ballot !== ballot || version !== state.membership.version || !state.isVotingPeer(from)) return
    if (chosenUpTo > state.chosenUpTo) {
      this.onChosenElsewhere()
      this.roles.learner.noteEvidence(from, chosenUpTo)
      return
    }
    this.pipeline.onAccepted(from, upTo)
  }

  onGap(from: NodeId, { ballot, next }: Gap): void {
    if (this.pipeline?.ballot === ballot) this.pipeline.onGap(from, next)
  }

  /** A peer streams what it lacks: accepts would only be refused until it has caught up. */
  onLearning(peer: NodeId): void {
    this.pipeline?.detach(peer)
  }

  onStatus(from: NodeId): void {
    this.pipeline?.onAwake(from)
  }

  /** A voter has learned everything this leader knows chosen. */
  onCaughtUp(peer: NodeId): void {
    this.pipeline?.resume(peer)
  }

  // --- losing ---

  onNack({ ballot, promised }: Nack): void {
    this.state.sawBallot(promised)
    if (promised > this.ballot && ballot === this.ballot) this.giveUp()
  }

  onBehind(from: NodeId, { ballot, chosenUpTo }: Behind): void {
    if (ballot === this.ballot) this.giveUp()
    this.roles.learner.noteEvidence(from, chosenUpTo)
  }

  /** The own acceptor has promised `ballot`, heard as another's message or made for the own campaign. */
  onPromiseRaised(ballot: Ballot): void {
    if (this.ballot !== 0 && ballot > this.ballot) this.giveUp()
    if (ballotNode(ballot) !== this.state.nodeId) this.probing = undefined
  }

  /** Somebody knows an instance chosen that this leader did not count: another ballot has won. */
  onChosenElsewhere(): void {
    if (this.pipeline) this.giveUp()
  }

  /** Any sign of a ballot above the own one that others have promised. */
  onHigherBallot(ballot: Ballot): void {
    if (this.ballot !== 0 && ballot > this.ballot) this.giveUp()
  }

  /** Whoever pushed this node aside gets time to finish: two that answer at once push each other for ever. */
  private giveUp(): void {
    const { state } = this
    const ballot = this.ballot
    this.campaign = undefined
    this.pipeline = undefined
    if (state.leader === ballot) state.leader = 0
    this.queue = new Queue()
    this.queuedBytes = 0
    this.held.clear()
    for (const nodeId of this.forwarders) state.send(nodeId, { kind: 'redirect', ballot: state.leader })
    this.forwarders.clear()
    // What only this node holds of its own proposals is completed by nobody else; as long as it led, no timer was needed.
    this.noteTail()
    this.lost++
    this.backOff()
    this.roles.origin.onLeadershipLost()
  }

  private backOff(): void {
    const { state } = this
    const { backOffMs, maxBackOffMs } = state.tuning
    const bound = Math.min(maxBackOffMs, backOffMs * 2 ** Math.min(this.lost, 16))
    this.backingOff = true
    state.armTimer('back-off', state.random.between(bound, bound * 2))
  }

  // --- timers and links ---

  onBackOffTimer(): void {
    this.backingOff = false
    if (this.probing) {
      // Nobody answered, or too few: ask again after a longer wait.
      this.probing = undefined
      this.lost++
    }
    this.roles.origin.wantRoute()
    if (this.state.log.lastAccepted <= this.state.chosenUpTo && !this.roles.reads.hasOpenPoint)
      this.mustComplete = false
    if (this.mustComplete && this.state.leaderInSight() === 0) this.seekLeadership()
  }

  onResendTimer(): void {
    const { state, campaign, pipeline } = this
    pipeline?.onResendTimer()
    if (!campaign) return
    campaign.askSilent(state)
    state.armTimer('resend', state.tuning.resendMs * 2 ** Math.min(++campaign.resends, 4))
  }

  onLink(peer: NodeId, up: boolean): void {
    this.pipeline?.onLink(peer, up)
    if (up && this.probing) this.state.send(peer, { kind: 'probe', probe: this.probing.id })
    if (up && this.campaign?.prepared) this.campaign.ask(this.state, [peer])
  }

  /** A record was accepted here: if nobody completes it, this node will. */
  noteTail(): void {
    const { state } = this
    if (this.pipeline || state.log.lastAccepted <= state.chosenUpTo) return
    this.tailSince = state.chosenUpTo
    state.armTimer('tail', state.tuning.suspectMs * state.random.between(2, 4))
  }

  onTailTimer(): void {
    const { state } = this
    if (this.pipeline || state.log.lastAccepted <= state.chosenUpTo) return
    if (this.tailSince === state.chosenUpTo) this.complete()
    this.noteTail()
  }

  /** Lead, if nobody else does, only to get the open tail chosen. */
  complete(): void {
    this.mustComplete = true
    this.seekLeadership()
  }

  private seesLivingLeader(asker: NodeId): boolean {
    const { state } = this
    const leader = this.pipeline ? state.nodeId : state.leaderInSight()
    return leader !== 0 && leader !== asker && state.now - state.leaderHeardAt < state.tuning.suspectMs
  }
}

function runKey(run: CommandRun): string {
  return `${run.origin}:${run.incarnation}:${run.session}:${run.sequence}`
}
