import { assert } from '../base/assert.js'
import type { Ballot, Instance, Millis, NodeId } from '../base/numbers.js'
import type { GroupState } from './group-state.js'
import type { Chosen, Learned, Offer, Status } from './messages.js'
import type { Roles } from './roles.js'

interface LearnSession {
  readonly id: number
  readonly peer: NodeId
  heardAt: Millis
}

/** Knows what is chosen: by the leader's word about own records of its ballot, or by learning the values. */
export class Learner {
  private readonly state: GroupState
  private readonly roles: Roles
  private session: LearnSession | undefined
  /** What peers said they know chosen, above what is known here. */
  private readonly evidence = new Map<NodeId, Instance>()
  /** Whom the latest session asked: the next one asks another. */
  private lastSource: NodeId = 0
  /** `chosenUpTo` when the learn timer was armed without a session. */
  private waitingSince: Instance = 0
  /**
   * The group begins where a checkpoint ends. Where loading one takes as long as the log takes to grow by what makes the
   * next one cheaper, a node that took that too would never arrive.
   */
  private hasJustLoaded: boolean

  constructor(state: GroupState, roles: Roles) {
    this.state = state
    this.roles = roles
    const { executedUpTo, firstKept } = state
    this.hasJustLoaded = executedUpTo > 0 && firstKept === executedUpTo + 1
  }

  /** Marks the next instance chosen; its value is in the log window. */
  choose(instance: Instance): void {
    const { state } = this
    assert(instance === state.chosenUpTo + 1, 'instances become chosen in order')
    const entry = state.log.get(instance)
    assert(entry !== undefined, 'what becomes chosen here is held here')
    state.chosenUpTo = instance
    state.chains.extend(instance, state.config.values.checksum(entry.value, state.chains.current))
    state.log.noteChosen(instance)
    for (const peer of state.chains.settleClaims()) this.alarm(peer, instance)
  }

  onChosen(from: NodeId, { ballot, upTo, chain }: Chosen): void {
    const { state } = this
    state.sawBallot(ballot)
    if (ballot >= state.promised) state.hearLeader(ballot)
    this.roles.proposer.onHigherBallot(ballot)
    this.claim(from, upTo, chain)
    this.onChosenAt(from, ballot, upTo)
  }

  /**
   * The leader of `ballot` knows everything up to `upTo` chosen. That says something about an own record only if it
   * was accepted at that same ballot; any other value must be learned.
   */
  onChosenAt(from: NodeId, ballot: Ballot, upTo: Instance): void {
    const { state } = this
    if (upTo <= state.chosenUpTo) return
    if (ballot !== this.roles.proposer.ballot) this.roles.proposer.onChosenElsewhere()
    while (state.chosenUpTo < upTo && state.log.get(state.chosenUpTo + 1)?.ballot === ballot) {
      this.choose(state.chosenUpTo + 1)
    }
    this.noteEvidence(from, upTo)
  }

  onStatus(from: NodeId, status: Status): void {
    const { state } = this
    const contradicts = this.claim(from, status.chosenUpTo, status.chain)
    // A node that has just started may have missed what this one said when their link came up.
    if (contradicts || status.chosenUpTo < state.chosenUpTo) state.send(from, state.status())
    state.sawBallot(status.leader)
    this.roles.proposer.onHigherBallot(status.leader)
    if (status.leader > state.leader) {
      state.believeLeader(status.leader)
      this.roles.origin.wantRoute()
    }
    if (status.chosenUpTo <= state.chosenUpTo) {
      this.roles.proposer.onStatus(from)
      return
    }
    if (this.roles.proposer.ballot !== 0) this.roles.proposer.onChosenElsewhere()
    this.evidence.set(from, status.chosenUpTo)
    if (this.session) return
    // A busy leader's next message brings what a status from a faster peer speaks of; wait for it before asking.
    if (state.now - state.leaderHeardAt >= state.tuning.learnMs) this.ask(from)
    else this.awaitProgress()
  }

  /** `peer` knows more chosen than this node, and nothing that is on its way will tell. */
  noteEvidence(peer: NodeId, upTo: Instance): void {
    if (upTo <= this.state.chosenUpTo) return
    this.evidence.set(peer, upTo)
    if (!this.session) this.ask(peer)
  }

  onLearned(from: NodeId, learned: Learned): void {
    const { state, session } = this
    const current = session !== undefined && session.id === learned.session && session.peer === from
    const last = learned.from + learned.values.length - 1
    if (current) session.heardAt = state.now
    if (learned.from > state.chosenUpTo + 1) {
      // A part of the stream was lost: begin again behind what arrived.
      if (current) this.ask(from)
      return
    }
    if (last > state.chosenUpTo && this.roles.proposer.ballot !== 0) this.roles.proposer.onChosenElsewhere()
    this.storeChosen(learned)
    if (!current) return
    if (!learned.done) {
      if (learned.values.length > 0) state.send(from, { kind: 'learn-ack', session: learned.session, upTo: last })
      return
    }
    this.session = undefined
    this.onStreamDone(from, learned.chosenUpTo)
  }

  /** A source cannot stream what this node lacks, and offers a checkpoint instead. */
  onOffer(from: NodeId, offer: Offer): void {
    if (this.session?.id === offer.session && this.session.peer === from) this.session = undefined
    this.roles.fetch.onOffer(from, offer)
    // It did not help: another peer may.
    if (!this.roles.fetch.isBusy && this.isBehind()) this.awaitProgress()
  }

  /** A checkpoint did not come: whoever knows more is asked again. */
  goOn(): void {
    if (!this.session && this.isBehind()) this.askAnother()
  }

  onLink(peer: NodeId, up: boolean): void {
    if (up || this.session?.peer !== peer) return
    this.session = undefined
    this.askAnother()
  }

  onLearnTimer(): void {
    const { state, session } = this
    if (session) {
      if (state.now - session.heardAt >= state.tuning.learnMs) {
        this.session = undefined
        this.askAnother()
      }
    } else if (this.waitingSince === state.chosenUpTo) this.askAnother()
    if (this.session || this.isBehind()) this.awaitProgress()
  }

  private storeChosen(learned: Learned): void {
    const { state } = this
    let instance = learned.from
    for (const value of learned.values) {
      if (instance === state.chosenUpTo + 1) {
        const entry = { instance, ballot: 0, recoveredTo: 0, version: state.membership.version, value }
        state.log.put(entry)
        this.choose(instance)
        // After the step forward: the head that goes with the record must cover it.
        state.persist(entry)
      }
      instance++
    }
  }

  private onStreamDone(source: NodeId, sourceChosenUpTo: Instance): void {
    const { state } = this
    this.evidence.delete(source)
    if (sourceChosenUpTo <= state.chosenUpTo) this.hasJustLoaded = false
    if (sourceChosenUpTo > state.chosenUpTo) this.evidence.set(source, sourceChosenUpTo)
    const leader = state.leaderInSight()
    // The source attaches a learner to its own pipeline; another leader has to be told where this node is.
    if (leader !== 0 && leader !== source && state.isVoter) {
      state.send(leader, { kind: 'gap', ballot: state.leader, next: state.chosenUpTo + 1 })
    }
    this.roles.origin.wantRoute()
    if (this.isBehind()) this.awaitProgress()
  }

  private ask(peer: NodeId): void {
    const { state } = this
    if (this.roles.fetch.isBusy) return
    this.session = { id: state.nextQuestion('learn'), peer, heardAt: state.now }
    this.lastSource = peer
    const want = this.hasJustLoaded ? 'log' : 'stream'
    state.send(peer, { kind: 'learn', session: this.session.id, from: state.chosenUpTo + 1, want })
    state.armTimer('learn', state.tuning.learnMs)
  }

  /** Asks a linked peer that knows more; the one asked before only if there is no other. */
  private askAnother(): void {
    const { state, lastSource } = this
    const able = [...this.evidence]
      .filter(([peer, upTo]) => upTo > state.chosenUpTo && state.peers.get(peer)?.up)
      .map(([peer]) => peer)
      .sort((a, b) => a - b)
    const next = able.find((peer) => peer > lastSource) ?? able[0]
    if (next !== undefined) this.ask(next)
  }

  private isBehind(): boolean {
    for (const upTo of this.evidence.values()) if (upTo > this.state.chosenUpTo) return true
    return false
  }

  private awaitProgress(): void {
    this.waitingSince = this.state.chosenUpTo
    this.state.armTimer('learn', this.state.tuning.learnMs)
  }

  /** True if the peer contradicts this node, and has not done so before. */
  private claim(peer: NodeId, upTo: Instance, chain: number): boolean {
    const contradicts = this.state.chains.claim(peer, upTo, chain)
    if (contradicts) this.alarm(peer, upTo)
    return contradicts
  }

  private alarm(peer: NodeId, instance: Instance): void {
    const { effects, chains, membership } = this.state
    const against = [...chains.contradictions.keys()].filter((nodeId) => this.state.isVotingPeer(nodeId))
    effects.alarms.push({ code: 'CHAIN_MISMATCH', instance, peer })
    if (against.length >= membership.majority) effects.alarms.push({ code: 'CONTRADICTED', instance, peer })
  }
}
