import type { Ballot, Instance, Millis, NodeId } from '../base/numbers.js'
import type { GroupState } from './group-state.js'
import type { ReadPoint } from './messages.js'
import type { Roles } from './roles.js'

interface PendingRead {
  readonly token: number
  readonly deadline: Millis
}

interface Round {
  readonly id: number
  readonly answered: Set<NodeId>
  point: Instance
  readonly reads: readonly PendingRead[]
}

/** Reads whose point is known and not yet executed here. */
interface Waiting {
  point: Instance
  /** The highest ballot this node knew when the point was known: a campaign above it began later. */
  readonly seen: Ballot
  readonly since: Millis
  readonly reads: readonly PendingRead[]
}

/**
 * Linearizable reads from any node: what a majority has accepted or knows chosen bounds every command acknowledged
 * before the read began. All reads that come while a round is under way share the next one.
 */
export class Reads {
  private readonly state: GroupState
  private readonly roles: Roles
  private next: PendingRead[] = []
  private round: Round | undefined
  private waiting: Waiting[] = []

  constructor(state: GroupState, roles: Roles) {
    this.state = state
    this.roles = roles
  }

  /** A read waits for an instance that is not known chosen. */
  get hasOpenPoint(): boolean {
    return this.waiting.some(({ point }) => point > this.state.chosenUpTo)
  }

  add(token: number, deadline: Millis): void {
    this.next.push({ token, deadline })
    this.state.armTimer('read', this.state.tuning.resendMs)
  }

  onAsk(from: NodeId, round: number): void {
    const { state } = this
    if (!state.isVoter) return
    this.roles.proposer.onReadElsewhere()
    state.send(from, { kind: 'read-point', version: state.membership.version, round, point: this.ownPoint() })
  }

  onReadPoint(from: NodeId, { version, round, point }: ReadPoint): void {
    const { state } = this
    if (this.round?.id !== round || version !== state.membership.version || !state.isVotingPeer(from)) return
    this.answer(from, point)
  }

  /** After all inputs of a round are in: one question for all reads that wait. */
  begin(): void {
    const { state } = this
    if (this.round || this.next.length === 0) return
    this.round = { id: state.nextQuestion('read'), answered: new Set(), point: 0, reads: this.next }
    this.next = []
    this.ask(this.round)
    if (state.isVoter) this.answer(state.nodeId, this.ownPoint())
  }

  /**
   * A campaign of this node at `ballot` found nothing above `recoveredTo`: what lay there was never chosen. Only a
   * campaign that began after the point was known says so; the promises of an older one may date from before a command
   * that the point covers was chosen.
   */
  onRecovered(ballot: Ballot, recoveredTo: Instance): void {
    for (const waiting of this.waiting) {
      if (ballot > waiting.seen) waiting.point = Math.min(waiting.point, recoveredTo)
    }
    // Nothing more may come to be executed here that would release them.
    this.release()
  }

  /** Gives out what the executed state now covers. */
  release(): void {
    const { executedUpTo } = this.state
    for (const waiting of this.waiting) {
      if (waiting.point > executedUpTo) continue
      for (const { token } of waiting.reads) this.end(token, 'ready')
    }
    this.waiting = this.waiting.filter((waiting) => waiting.point > executedUpTo)
  }

  onReadTimer(): void {
    const { state } = this
    this.next = this.dropLate(this.next)
    if (this.round) {
      const reads = this.dropLate(this.round.reads)
      this.round = reads.length === 0 ? undefined : { ...this.round, reads }
      if (this.round) this.ask(this.round)
    }
    this.waiting = this.waiting.map((waiting) => ({ ...waiting, reads: this.dropLate(waiting.reads) }))
    this.waiting = this.waiting.filter((waiting) => waiting.reads.length > 0)
    const stuck = this.waiting.some(
      ({ point, since }) => point > state.chosenUpTo && state.now - since >= state.tuning.suspectMs,
    )
    if (stuck) {
      // Behind, and told by nobody: whoever is ahead answers.
      state.broadcast(state.linkedPeers(), state.status())
      this.roles.proposer.complete()
    }
    if (this.next.length > 0 || this.round || this.waiting.length > 0) state.armTimer('read', state.tuning.resendMs)
  }

  private ask(round: Round): void {
    const { state } = this
    const silent = state.otherVoters().filter((nodeId) => !round.answered.has(nodeId))
    state.broadcast(silent, { kind: 'ask-read-point', round: round.id })
  }

  private answer(from: NodeId, point: Instance): void {
    const { state, round } = this
    if (!round) return
    round.answered.add(from)
    round.point = Math.max(round.point, point)
    if (round.answered.size < state.membership.majority) return
    this.round = undefined
    this.waiting.push({ point: round.point, seen: state.seen, since: state.now, reads: round.reads })
    this.release()
  }

  private ownPoint(): Instance {
    return Math.max(this.state.chosenUpTo, this.state.log.lastAccepted)
  }

  private dropLate(reads: readonly PendingRead[]): PendingRead[] {
    const { now } = this.state
    for (const { token, deadline } of reads) if (deadline <= now) this.end(token, 'no-quorum')
    return reads.filter((read) => read.deadline > now)
  }

  private end(token: number, outcome: 'ready' | 'no-quorum'): void {
    this.state.effects.queries.push({ token, outcome })
  }
}
