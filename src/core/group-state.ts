import { assert } from '../base/assert.js'
import type { Ballot, Instance, Millis, NodeId } from '../base/numbers.js'
import { Random } from '../base/random.js'
import { ballotNode } from './ballot.js'
import { ChainHistory } from './chain-history.js'
import type { GroupConfig, GroupTuning } from './config.js'
import type { Base, CheckpointRef, DurableState, Head, LogRecord } from './durable.js'
import { createEffects, type Effects } from './effects.js'
import { LogWindow } from './log-window.js'
import type { Membership, VoterId } from './membership.js'
import type { Message, Status } from './messages.js'
import type { TimerKind } from './timers.js'

export interface Peer {
  readonly nodeId: NodeId
  /** Of the peer's present life; undefined until its first link. */
  voterId: VoterId | undefined
  up: boolean
}

/** More than a group ever asks in a millisecond. */
const QUESTIONS_PER_MS = 1024

/** Stands in between two steps, so that nothing is ever written into effects the caller has already read. */
const NO_EFFECTS = createEffects()

/**
 * What the roles of one group share: positions, peers, the leader in sight, and the way to ask for effects.
 * Positions: `executedUpTo <= chosenUpTo <= lastAccepted`, `durableChosenUpTo <= chosenUpTo`.
 */
export class GroupState {
  readonly config: GroupConfig
  readonly tuning: GroupTuning
  readonly random: Random
  readonly membership: Membership
  readonly log: LogWindow
  readonly chains: ChainHistory
  readonly peers = new Map<NodeId, Peer>()
  effects: Effects = NO_EFFECTS
  now: Millis = 0

  /** Highest ballot this acceptor has promised; only grows. */
  promised: Ballot
  chosenUpTo: Instance
  executedUpTo: Instance
  /** Chosen records up to here are on disk, and may be read from the log. */
  durableChosenUpTo: Instance
  /** The `chosenUpTo` of the head on disk, and of the last one that was handed out. A restart begins with the former. */
  headChosenUpTo: Instance
  private handedChosenUpTo: Instance
  /** The log holds nothing below it any more. */
  firstKept: Instance
  /** The newest checkpoint of this node that peers may have. */
  checkpoint: CheckpointRef | undefined
  /** For a peer that lacks more instances than this, the checkpoint is less to send than the log. */
  checkpointPaysFrom = Number.POSITIVE_INFINITY

  /** Highest ballot heard of anywhere: a candidate picks one above. */
  seen: Ballot
  /** The ballot of the leader in sight; 0: none was heard of. Not durable, a matter of speed. */
  leader: Ballot = 0
  leaderHeardAt: Millis = Number.NEGATIVE_INFINITY
  /** Something waited on the leader for too long; cleared by hearing from a leader again. */
  leaderSuspected = false
  /** A peer that said it sees the leader while our own link to it is down. */
  relay: NodeId = 0
  /** Something was handed out to be written, and `persisted` has not come yet. */
  unpersisted = false
  /** Questions are numbered from here on, and how many of each kind were asked. */
  private questionsFrom = 0
  private readonly questions = { probe: 0, learn: 0, read: 0 }
  private readonly armed = new Set<TimerKind>()

  constructor(config: GroupConfig, durable: DurableState, base: Base) {
    const { head, tail } = durable
    assert(base.executedUpTo <= head.chosenUpTo, 'nothing is executed that the log does not know chosen')
    this.config = config
    this.tuning = config.tuning
    this.random = new Random(config.seed)
    this.membership = config.membership
    this.promised = head.promised
    this.seen = head.promised
    this.chosenUpTo = head.chosenUpTo
    this.executedUpTo = base.executedUpTo
    this.durableChosenUpTo = head.chosenUpTo
    this.headChosenUpTo = head.chosenUpTo
    this.handedChosenUpTo = head.chosenUpTo
    this.firstKept = head.firstKept
    this.log = new LogWindow(head.chosenUpTo, tail)
    this.chains = new ChainHistory(head.chosenUpTo, head.chain, config.tuning.chainHistory)
    for (const voter of config.membership.voters) this.peer(voter.nodeId)
  }

  begin(now: Millis, effects: Effects): void {
    this.now = now
    this.effects = effects
  }

  end(): void {
    this.effects = NO_EFFECTS
  }

  get nodeId(): NodeId {
    return this.config.nodeId
  }

  /** False for a follower, and for a node that came back with a new voter identity. */
  get isVoter(): boolean {
    return this.membership.isVoter(this.config.nodeId, this.config.voterId)
  }

  peer(nodeId: NodeId): Peer {
    let peer = this.peers.get(nodeId)
    if (!peer) {
      peer = { nodeId, voterId: undefined, up: false }
      this.peers.set(nodeId, peer)
    }
    return peer
  }

  /** Whether what `nodeId` says now counts as a vote. */
  isVotingPeer(nodeId: NodeId): boolean {
    return this.membership.isVoter(nodeId, this.peers.get(nodeId)?.voterId)
  }

  otherVoters(): NodeId[] {
    return this.membership.voters.map((voter) => voter.nodeId).filter((nodeId) => nodeId !== this.nodeId)
  }

  linkedPeers(): NodeId[] {
    return [...this.peers.values()].filter((peer) => peer.up && peer.nodeId !== this.nodeId).map((peer) => peer.nodeId)
  }

  /** The node whose ballot is the leader in sight, if it may be relied on; 0 if there is none. */
  leaderInSight(): NodeId {
    const node = ballotNode(this.leader)
    if (node === 0 || node === this.nodeId || this.leaderSuspected) return 0
    return this.peers.get(node)?.up ? node : 0
  }

  hearLeader(ballot: Ballot): void {
    if (ballot < this.leader) return
    this.leader = ballot
    this.leaderHeardAt = this.now
    this.leaderSuspected = false
    this.relay = 0
  }

  /** Somebody says who leads; this node has not heard it itself. */
  believeLeader(ballot: Ballot): void {
    if (ballot < this.leader) return
    this.leader = ballot
    this.leaderSuspected = false
  }

  /**
   * In the same process a group may be built anew from its log, with its links as they are. So its questions get numbers
   * that none before had: a late answer to an earlier one counted for a read would make it stale.
   */
  startQuestions(now: Millis): void {
    this.questionsFrom = Math.floor(now) * QUESTIONS_PER_MS
  }

  /** The number of a question to peers, by which its answers are known. */
  nextQuestion(kind: 'probe' | 'learn' | 'read'): number {
    return this.questionsFrom + ++this.questions[kind]
  }

  sawBallot(ballot: Ballot): void {
    if (ballot > this.seen) this.seen = ballot
  }

  head(): Head {
    return {
      promised: this.promised,
      chosenUpTo: this.chosenUpTo,
      chain: this.chains.current,
      lastAccepted: Math.max(this.log.lastAccepted, this.chosenUpTo),
      firstKept: this.firstKept,
    }
  }

  status(): Status {
    const { chosenUpTo, chain, lastAccepted } = this.head()
    return { kind: 'status', chosenUpTo, lastAccepted, chain, leader: this.leader }
  }

  /** Asks for a record to be written; every commit writes the head as it is then. */
  persist(record: LogRecord): void {
    this.effects.records.push(record)
    this.persistHead()
  }

  persistHead(): void {
    this.effects.head = this.head()
    this.handedChosenUpTo = this.chosenUpTo
    this.unpersisted = true
  }

  /** All that was handed out is on disk. */
  onPersisted(): void {
    this.unpersisted = false
    this.durableChosenUpTo = this.chosenUpTo
    this.headChosenUpTo = this.handedChosenUpTo
  }

  send(to: NodeId, message: Message): void {
    this.effects.sends.push({ to: [to], message })
  }

  broadcast(to: readonly NodeId[], message: Message): void {
    if (to.length > 0) this.effects.sends.push({ to, message })
  }

  /**
   * Arms a timer that is not armed yet. Timers are lazy: an armed one is left to fire, and its handler looks whether
   * there is still a reason, so that a busy group does not set and stop timers with every message.
   */
  armTimer(timer: TimerKind, delayMs: Millis): void {
    if (!this.armed.has(timer)) this.setTimer(timer, delayMs)
  }

  /** For what is due earlier than what the timer may be armed for. */
  setTimer(timer: TimerKind, delayMs: Millis): void {
    this.armed.add(timer)
    this.effects.timers.push({ timer, delayMs })
  }

  timerFired(timer: TimerKind): void {
    this.armed.delete(timer)
  }
}
