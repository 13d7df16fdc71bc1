import { assert } from '../base/assert.js'
import type { Ballot, Instance, NodeId } from '../base/numbers.js'
import { ballotNode } from './ballot.js'
import type { GroupState } from './group-state.js'
import type { LogEntry } from './log-window.js'
import type { Accept, Prepare } from './messages.js'
import type { Roles } from './roles.js'

interface PendingPromise {
  readonly to: NodeId
  readonly ballot: Ballot
  readonly from: Instance
}

/**
 * The durable voter. Nothing it promises or accepts is told to anybody before `persisted`: this class holds the
 * answers back until then, and no other place sends a promise or a vote.
 */
export class Acceptor {
  private readonly state: GroupState
  private readonly roles: Roles
  private pendingPromises: PendingPromise[] = []
  /** The ballot whose newly stored records wait for the disk; 0: none. Own ones count at the proposer. */
  private pendingAccepted: Ballot = 0
  /** The last gap told, so that a burst behind one lost message asks once. */
  private toldGap: { ballot: Ballot; next: Instance; at: number } = { ballot: 0, next: 0, at: 0 }

  constructor(state: GroupState, roles: Roles) {
    this.state = state
    this.roles = roles
  }

  onPrepare(from: NodeId, { version, ballot, from: firstWanted }: Prepare): void {
    const state = this.state
    state.sawBallot(ballot)
    if (!this.answers(from, version, ballot)) return
    if (ballot < state.promised) {
      state.send(from, { kind: 'nack', ballot, promised: state.promised })
      return
    }
    if (state.chosenUpTo >= firstWanted) {
      state.send(from, { kind: 'behind', ballot, chosenUpTo: state.chosenUpTo })
      return
    }
    this.raisePromise(ballot)
    this.pendingPromises.push({ to: from, ballot, from: firstWanted })
  }

  onAccept(from: NodeId, accept: Accept): void {
    const state = this.state
    const { ballot, instance } = accept
    state.sawBallot(ballot)
    // What the leader knows chosen holds for records of its ballot whatever was promised since.
    this.roles.learner.onChosenAt(from, ballot, accept.chosenUpTo)
    if (!this.answers(from, accept.version, ballot)) return
    if (ballot < state.promised) {
      state.send(from, { kind: 'nack', ballot, promised: state.promised })
      return
    }
    state.hearLeader(ballot)
    if (instance > state.chosenUpTo) {
      const held = state.log.heldUpTo(state.chosenUpTo, ballot)
      if (instance > held + 1) {
        this.tellGap(from, ballot, held + 1)
        return
      }
      if (instance === held + 1) this.take(accept)
    }
    this.pendingAccepted = Math.max(this.pendingAccepted, ballot)
  }

  /** The leader's own record: its vote counts after the commit, like everybody's. */
  acceptOwn(entry: LogEntry): void {
    assert(entry.ballot === this.state.promised, 'a leader accepts only at the ballot its own acceptor promised')
    this.store(entry)
    this.pendingAccepted = Math.max(this.pendingAccepted, entry.ballot)
  }

  /** Raises the promise; whoever led or campaigned below it here has lost. */
  raisePromise(ballot: Ballot): void {
    const state = this.state
    if (ballot <= state.promised) return
    state.promised = ballot
    state.persistHead()
    this.roles.proposer.onPromiseRaised(ballot)
    // The candidate is the likeliest leader: proposals wait for it rather than start a duel.
    if (ballotNode(ballot) !== state.nodeId) state.hearLeader(ballot)
  }

  /** Everything handed out so far is on disk: now the answers may go. */
  onPersisted(): void {
    const promises = this.pendingPromises
    this.pendingPromises = []
    for (const pending of promises) this.sendPromise(pending)
    const ballot = this.pendingAccepted
    this.pendingAccepted = 0
    if (ballot === 0) return
    const state = this.state
    const upTo = state.log.heldUpTo(state.chosenUpTo, ballot)
    if (ballotNode(ballot) === state.nodeId) this.roles.proposer.onOwnAccepted(ballot, upTo)
    else {
      state.send(ballotNode(ballot), {
        kind: 'accepted',
        version: state.membership.version,
        ballot,
        chosenUpTo: state.chosenUpTo,
        upTo,
      })
    }
  }

  private sendPromise({ to, ballot, from }: PendingPromise): void {
    const state = this.state
    if (ballot < state.promised) {
      state.send(to, { kind: 'nack', ballot, promised: state.promised })
    } else if (state.chosenUpTo >= from) {
      state.send(to, { kind: 'behind', ballot, chosenUpTo: state.chosenUpTo })
    } else {
      state.send(to, {
        kind: 'promise',
        version: state.membership.version,
        ballot,
        from,
        chosenUpTo: state.chosenUpTo,
        records: state.log.recordsFrom(from),
      })
    }
  }

  /** An acceptor answers only voters, and only under its own membership version. */
  private answers(from: NodeId, version: number, ballot: Ballot): boolean {
    const state = this.state
    if (!state.isVoter || !state.isVotingPeer(from) || ballotNode(ballot) !== from) return false
    if (version < state.membership.version) {
      state.send(from, { kind: 'behind', ballot, chosenUpTo: state.chosenUpTo })
      return false
    }
    return version === state.membership.version
  }

  private take(accept: Accept): void {
    const { instance, ballot, recoveredTo, version, value } = accept
    this.raisePromise(ballot)
    this.store({ instance, ballot, recoveredTo, version, value })
    this.roles.proposer.noteTail()
  }

  private store(entry: LogEntry): void {
    const state = this.state
    state.log.put(entry)
    state.persist(entry)
  }

  private tellGap(to: NodeId, ballot: Ballot, next: Instance): void {
    const { state, toldGap } = this
    const again = state.now - toldGap.at >= state.tuning.resendMs
    if (toldGap.ballot === ballot && toldGap.next === next && !again) return
    this.toldGap = { ballot, next, at: state.now }
    state.send(to, { kind: 'gap', ballot, next })
  }
}
