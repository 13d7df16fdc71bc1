import { assert } from '../base/assert.js'
import type { Ballot, Instance, Millis, NodeId } from '../base/numbers.js'
import type { Value } from './command-run.js'
import type { GroupState } from './group-state.js'
import type { LogEntry } from './log-window.js'
import type { Roles } from './roles.js'

/** What the leader knows of one voter. */
interface Progress {
  /** Every instance up to here is chosen, or held durably by this voter at this ballot. */
  acked: Instance
  /** Sent up to here. */
  sent: Instance
  /** Gets accepts. A peer that fell behind does not, until it has learned what it lacks. */
  attached: boolean
  /** When it was last heard, or sent the oldest unacknowledged accept. */
  since: Millis
  resends: number
}

/** The wait before a resend doubles this often: a linked peer may be the one that a majority needs. */
const MAX_DOUBLINGS = 5

/** Leading at one ballot: instances in flight, votes, and what each voter has been sent. */
export class Pipeline {
  readonly ballot: Ballot
  readonly recoveredTo: Instance
  /** The next instance to propose. */
  next: Instance
  inFlightBytes = 0
  /** The own record is durable up to here. */
  private ownAcked: Instance
  /** The highest `chosenUpTo` the others were told by itself. */
  private announced: Instance = 0
  private hurried = true
  private readonly progress = new Map<NodeId, Progress>()
  /** Values of the prepare that are still to be proposed again. */
  private readonly recovered: Value[]
  private readonly state: GroupState
  private readonly roles: Roles

  constructor(state: GroupState, roles: Roles, ballot: Ballot, recoveredTo: Instance, recovered: Value[]) {
    this.state = state
    this.recovered = recovered
    this.roles = roles
    this.ballot = ballot
    this.recoveredTo = recoveredTo
    this.next = state.chosenUpTo + 1
    this.ownAcked = state.chosenUpTo
    for (const nodeId of state.otherVoters()) {
      this.progress.set(nodeId, {
        acked: state.chosenUpTo,
        sent: state.chosenUpTo,
        attached: state.peer(nodeId).up,
        since: state.now,
        resends: 0,
      })
    }
  }

  get inFlight(): number {
    return this.next - 1 - this.state.chosenUpTo
  }

  /** Room for one more value of `bytes`. One instance may always be in flight. */
  hasRoom(bytes: number): boolean {
    const { window, windowBytes } = this.state.tuning
    return this.inFlight === 0 || (this.inFlight < window && this.inFlightBytes + bytes <= windowBytes)
  }

  /** Everything the prepare reported is in flight or chosen again: own batches may follow. */
  get isRecovered(): boolean {
    return this.recovered.length === 0
  }

  reproposeRecovered(): void {
    for (let value = this.recovered[0]; value && this.hasRoom(value.length); value = this.recovered[0]) {
      this.recovered.shift()
      this.propose(value)
    }
  }

  propose(value: Value): void {
    const state = this.state
    const entry: LogEntry = {
      instance: this.next++,
      ballot: this.ballot,
      recoveredTo: this.recoveredTo,
      version: state.membership.version,
      value,
    }
    this.inFlightBytes += value.length
    state.leaderHeardAt = state.now
    this.roles.acceptor.acceptOwn(entry)
    const peers: NodeId[] = []
    for (const [nodeId, progress] of this.progress) if (this.mayTake(progress, entry.instance)) peers.push(nodeId)
    this.sendAccept(peers, entry)
    state.armTimer('resend', state.tuning.resendMs)
  }

  /** The own records are on disk up to `upTo`. */
  onOwnAccepted(upTo: Instance): void {
    this.ownAcked = Math.max(this.ownAcked, upTo)
    this.count()
  }

  onAccepted(from: NodeId, upTo: Instance): void {
    const progress = this.progress.get(from)
    if (!progress) return
    assert(upTo < this.next, 'no vote for an instance that was never proposed at this ballot')
    progress.since = this.state.now
    progress.resends = 0
    if (upTo > progress.acked) {
      progress.acked = upTo
      this.count()
    }
    // What was held back by its flow control, or lost while it was away.
    if (!progress.attached) this.sendChosen([from])
    else if (progress.sent < this.next - 1) this.attach(from, Math.max(progress.sent, upTo) + 1)
  }

  /** `from` wants the accepts from `next` on; below `chosenUpTo` it must learn instead. */
  onGap(from: NodeId, next: Instance): void {
    const progress = this.progress.get(from)
    if (!progress) return
    progress.since = this.state.now
    if (next > this.state.chosenUpTo) this.attach(from, next)
    else {
      progress.attached = false
      this.sendChosen([from])
    }
  }

  /** A peer that answered nothing for a while speaks again: what it lacks need not wait for the next resend. */
  onAwake(peer: NodeId): void {
    const progress = this.progress.get(peer)
    if (!progress || progress.resends === 0 || this.inFlight === 0) return
    progress.resends = 0
    this.resume(peer)
  }

  detach(peer: NodeId): void {
    const progress = this.progress.get(peer)
    if (progress) progress.attached = false
  }

  onLink(peer: NodeId, up: boolean): void {
    const progress = this.progress.get(peer)
    if (!progress) return
    progress.resends = 0
    if (up) this.resume(peer)
    else progress.attached = false
  }

  /** Sends `peer` what is in flight, after it learned the rest (or its link came up). */
  resume(peer: NodeId): void {
    this.attach(peer, this.state.chosenUpTo + 1)
    this.sendChosen([peer])
  }

  /** Somebody else waits for what is chosen: say so as soon as the pipeline drains. */
  hurry(): void {
    this.hurried = true
  }

  /** After all inputs of a round, and after its commit: tell what is chosen, unless an accept is about to. */
  announce(): void {
    const { state } = this
    if (this.inFlight > 0 || this.announced >= state.chosenUpTo) return
    if (this.hurried || state.tuning.announceMs === 0) this.announceNow()
    else state.armTimer('announce', state.tuning.announceMs)
  }

  announceNow(): void {
    const { state } = this
    if (this.inFlight > 0 || this.announced >= state.chosenUpTo) return
    this.announced = state.chosenUpTo
    this.hurried = false
    this.sendChosen(state.linkedPeers())
  }

  onResendTimer(): void {
    const { state } = this
    if (this.inFlight === 0) return
    for (const [nodeId, progress] of this.progress) {
      const wait = state.tuning.resendMs * 2 ** Math.min(progress.resends, MAX_DOUBLINGS)
      if (progress.acked >= this.next - 1 || !state.peer(nodeId).up || state.now - progress.since < wait) continue
      progress.since = state.now
      progress.resends++
      this.attach(nodeId, Math.max(progress.acked, state.chosenUpTo) + 1)
    }
    state.armTimer('resend', state.tuning.resendMs)
  }

  private attach(peer: NodeId, from: Instance): void {
    const { state } = this
    const progress = this.progress.get(peer)
    if (!progress || !state.peer(peer).up) return
    progress.attached = true
    progress.sent = Math.max(from - 1, state.chosenUpTo)
    progress.acked = Math.max(progress.acked, Math.min(from - 1, state.chosenUpTo))
    for (let instance = progress.sent + 1; instance < this.next; instance++) {
      const entry = state.log.get(instance)
      assert(entry?.ballot === this.ballot, 'what is in flight is held at the own ballot')
      if (!this.mayTake(progress, instance)) return
      this.sendAccept([peer], entry)
    }
  }

  /** Flow control: whether `instance` is next for this peer and it has not too much unacknowledged; counts it as sent. */
  private mayTake(progress: Progress, instance: Instance): boolean {
    if (!progress.attached || progress.sent !== instance - 1) return false
    if (progress.sent - progress.acked >= this.state.tuning.peerWindow) return false
    if (progress.acked >= progress.sent) progress.since = this.state.now
    progress.sent = instance
    return true
  }

  private sendAccept(to: readonly NodeId[], entry: LogEntry): void {
    const { chosenUpTo } = this.state
    this.state.broadcast(to, {
      kind: 'accept',
      version: entry.version,
      ballot: this.ballot,
      instance: entry.instance,
      recoveredTo: this.recoveredTo,
      chosenUpTo,
      value: entry.value,
    })
  }

  private sendChosen(to: readonly NodeId[]): void {
    const { chosenUpTo, chains } = this.state
    this.state.broadcast(to, { kind: 'chosen', ballot: this.ballot, upTo: chosenUpTo, chain: chains.current })
  }

  /** Votes are cumulative, so what a majority holds is the majority-th highest of the positions. */
  private count(): void {
    const { state } = this
    const held = [this.ownAcked]
    for (const [nodeId, progress] of this.progress) if (state.isVotingPeer(nodeId)) held.push(progress.acked)
    held.sort((a, b) => b - a)
    state.leaderHeardAt = state.now
    const chosen = held[state.membership.majority - 1] ?? 0
    while (state.chosenUpTo < chosen) {
      const instance = state.chosenUpTo + 1
      this.inFlightBytes -= state.log.get(instance)?.value.length ?? 0
      this.roles.learner.choose(instance)
    }
  }
}
