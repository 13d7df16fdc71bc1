import type { Millis, NodeId } from '../base/numbers.js'
import { ballotNode } from './ballot.js'
import type { CommandRun } from './command-run.js'
import type { GroupState } from './group-state.js'
import type { OwnRun } from './input.js'
import type { Redirect } from './messages.js'
import type { Roles } from './roles.js'
import { type SavedSession, SessionTable, type Verdict } from './sessions.js'

interface Pending {
  readonly run: OwnRun
  /** `queued`: with the own proposer; `forwarded`: with the leader in sight; `waiting`: for either. */
  where: 'waiting' | 'queued' | 'forwarded'
  /** When it was forwarded first, and last. */
  since: Millis
  sentAt: Millis
  resends: number
}

/** How often runs are looked over for passed deadlines: what a caller waits for is timed by the host, exactly. */
const DEADLINE_CHECK_MS = 1000

const NO_BODY = new Uint8Array(0)

/**
 * This node as the origin of commands: keeps every run until the log has it, and brings it to whoever leads. A run may
 * be proposed many times; the session table sees to it that it is executed once.
 */
export class Origin {
  readonly sessions: SessionTable
  private readonly state: GroupState
  private readonly roles: Roles
  /** In the order of their sequences: what is first is the floor. */
  private readonly pending = new Map<number, Pending>()
  private pendingBytes = 0
  /** The instance that opened this origin's session; 0: none is open. */
  private session = 0
  /** The request to open one, while it is needed. */
  private opening: Pending | undefined
  private routeWanted = false
  /** Where the forwarded runs are; 0: nowhere. */
  private forwardedTo: NodeId = 0

  constructor(state: GroupState, roles: Roles, sessions: readonly SavedSession[]) {
    this.state = state
    this.roles = roles
    this.sessions = new SessionTable(state.tuning.sessionInstances, sessions)
    // A group that is built again in the same process goes on in its session.
    this.session = this.sessions.openedBy(state.nodeId, state.config.incarnation)
  }

  /** Bytes of own runs that have not ended. */
  get waitingBytes(): number {
    return this.pendingBytes
  }

  propose(run: OwnRun): void {
    this.pending.set(run.sequence, waiting(run))
    this.pendingBytes += run.body.length
    this.routeWanted = true
    this.state.armTimer('deadline', DEADLINE_CHECK_MS)
  }

  /** False for an own run that has ended here, and for any run the log already holds. */
  stillWanted(run: CommandRun): boolean {
    if (!this.isOwn(run)) return !this.sessions.isDone(run)
    return run.session === 0 ? this.session === 0 : this.pending.has(run.sequence)
  }

  isOwn(run: CommandRun): boolean {
    return run.origin === this.state.nodeId && run.incarnation === this.state.config.incarnation
  }

  /** An own run as of its execution. */
  onExecuted(run: CommandRun, verdict: Verdict): void {
    if (run.session === 0 || verdict === 'expired') {
      this.renewSession()
      return
    }
    const pending = this.pending.get(run.sequence)
    if (!pending) return
    this.remove(pending)
    if (verdict === 'duplicate') this.endDropped(pending)
  }

  // --- finding the way to a leader ---

  /** Asks for `route` at the end of this step: never in the middle of an acceptor's work, for it may raise a ballot. */
  wantRoute(): void {
    this.routeWanted = true
  }

  routeIfWanted(): void {
    // Whoever leads now has not seen what went to another: a resend, which doubles its wait, would find out late.
    if (this.forwardedTo !== 0 && this.forwardedTo !== this.target()) this.takeBackForwarded()
    if (!this.routeWanted) return
    this.routeWanted = false
    this.route()
  }

  onLeadershipLost(): void {
    for (const item of this.items()) if (item.where === 'queued') item.where = 'waiting'
    this.routeWanted = true
  }

  onRedirect(from: NodeId, { ballot }: Redirect): void {
    const { state } = this
    state.sawBallot(ballot)
    if (ballot > state.leader) state.believeLeader(ballot)
    else if (ballotNode(state.leader) === from) state.leader = 0
    if (state.relay === from) state.relay = 0
    this.takeBackForwarded()
  }

  onLink(peer: NodeId, up: boolean): void {
    const { state } = this
    if (up) this.routeWanted = true
    else if (peer === ballotNode(state.leader) || peer === state.relay) {
      if (state.relay === peer) state.relay = 0
      this.takeBackForwarded()
    }
  }

  /** Resends what has been forwarded for too long without being executed. */
  onForwardTimer(): void {
    const { state } = this
    const { forwardMs } = state.tuning
    const again: Pending[] = []
    let forwarded = false
    for (const item of this.items()) {
      if (item.where !== 'forwarded') continue
      forwarded = true
      if (state.now - item.sentAt < forwardMs * 2 ** item.resends) continue
      item.resends = Math.min(item.resends + 1, 6)
      again.push(item)
    }
    const target = this.target()
    if (target !== 0) this.forward(target, again)
    if (forwarded) state.armTimer('forward', forwardMs)
  }

  /** Something has waited on the leader for `suspectMs`, and nothing was heard of it since. */
  onSuspicionTimer(): void {
    const { state } = this
    const { suspectMs } = state.tuning
    let oldest = Number.POSITIVE_INFINITY
    for (const item of this.items()) if (item.where === 'forwarded') oldest = Math.min(oldest, item.since)
    if (oldest === Number.POSITIVE_INFINITY) return
    const silentMs = state.now - Math.max(oldest, state.leaderHeardAt)
    if (silentMs >= suspectMs) {
      state.leaderSuspected = true
      state.relay = 0
      this.takeBackForwarded()
    } else state.armTimer('suspicion', suspectMs - silentMs)
  }

  onDeadlineTimer(): void {
    for (const item of [...this.pending.values()]) {
      if (item.run.deadline > this.state.now) continue
      this.remove(item)
      this.endDropped(item)
    }
    if (this.pending.size > 0) this.state.armTimer('deadline', DEADLINE_CHECK_MS)
  }

  private route(): void {
    const { state, roles } = this
    const waitingItems = [...this.items()].filter((item) => item.where === 'waiting')
    if (waitingItems.length === 0) return
    if (roles.proposer.ballot !== 0) {
      for (const item of waitingItems) {
        item.where = 'queued'
        roles.proposer.enqueue(this.stamp(item.run))
      }
      return
    }
    const target = roles.proposer.proposesHere ? 0 : this.target()
    if (target === 0) {
      roles.proposer.seekLeadership()
      return
    }
    for (const item of waitingItems) {
      item.where = 'forwarded'
      item.since = state.now
      item.resends = 0
    }
    this.forward(target, waitingItems)
    state.armTimer('forward', state.tuning.forwardMs)
    state.armTimer('suspicion', state.tuning.suspectMs)
  }

  private target(): NodeId {
    const { state } = this
    return state.leaderInSight() || (state.peers.get(state.relay)?.up ? state.relay : 0)
  }

  private forward(to: NodeId, items: readonly Pending[]): void {
    const { state } = this
    this.forwardedTo = to
    let runs: CommandRun[] = []
    let bytes = 0
    for (const item of items) {
      item.sentAt = state.now
      const run = this.stamp(item.run)
      const size = state.config.values.size(run)
      if (runs.length > 0 && bytes + size > state.tuning.batchBytes) {
        state.send(to, { kind: 'forward', hops: 0, runs })
        runs = []
        bytes = 0
      }
      runs.push(run)
      bytes += size
    }
    if (runs.length > 0) state.send(to, { kind: 'forward', hops: 0, runs })
  }

  private takeBackForwarded(): void {
    this.forwardedTo = 0
    for (const item of this.items()) if (item.where === 'forwarded') item.where = 'waiting'
    this.routeWanted = true
  }

  /** What has to reach the log next: the session first, for without one every run would be refused. */
  private *items(): Iterable<Pending> {
    if (this.session !== 0) yield* this.pending.values()
    else if (this.pending.size > 0) {
      this.opening ??= waiting({ sequence: 0, count: 0, body: NO_BODY, deadline: Number.POSITIVE_INFINITY })
      yield this.opening
    }
  }

  /**
   * The log has opened a session for this origin, or ended it. Runs that were refused, or not yet chosen, under an
   * ended session will never be executed under it: they may be proposed again under the new one.
   */
  private renewSession(): void {
    const { nodeId, config } = this.state
    const opened = this.sessions.openedBy(nodeId, config.incarnation)
    if (opened === this.session) return
    this.session = opened
    this.opening = undefined
    for (const item of this.pending.values()) item.where = 'waiting'
    this.routeWanted = true
  }

  private stamp({ sequence, count, body }: OwnRun): CommandRun {
    const { nodeId, config } = this.state
    const open = count === 0
    const floor = open ? 0 : (this.pending.keys().next().value ?? sequence)
    const session = open ? 0 : this.session
    return { origin: nodeId, incarnation: config.incarnation, session, sequence, count, floor, body }
  }

  private remove({ run }: Pending): void {
    if (this.pending.delete(run.sequence)) this.pendingBytes -= run.body.length
    // Nothing needs the session now, so nobody looks after the request to open it: the next command asks anew.
    if (this.pending.size === 0) this.opening = undefined
  }

  private endDropped({ run }: Pending): void {
    this.state.effects.ended.push({ sequence: run.sequence, count: run.count })
  }
}

function waiting(run: OwnRun): Pending {
  return { run, where: 'waiting', since: 0, sentAt: 0, resends: 0 }
}
