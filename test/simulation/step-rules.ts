import type { Ballot, Instance, NodeId } from '../../src/base/numbers.js'
import type { AcceptedRecord } from '../../src/core/durable.js'
import type { Effects, Send } from '../../src/core/effects.js'
import type { Group } from '../../src/core/group.js'
import type { Input } from '../../src/core/input.js'
import {
  asksForOneSession,
  chosenOnlyGrows,
  leaderKeepsNothingDead,
  onlyVotersAnswer,
  positionsAreOrdered,
  promiseMovesFor,
  recoversOnlyTheLiving,
  tailIsBounded,
  trimmedIsCovered,
  trimWaitsForPeers,
} from '../../src/core/invariants.js'
import { HeldForPeers } from './held-for-peers.js'
import type { RunPlan } from './plan.js'
import type { SimGroup } from './sim-group.js'

/** What one step of one group must not do, whatever the other nodes do: looks at the group before and after. */
export class StepRules {
  private readonly nodeId: NodeId
  private readonly isVoter: boolean
  private readonly plan: RunPlan
  private readonly held: HeldForPeers
  private promised: Ballot = 0
  private chosenUpTo: Instance = 0
  private wasLeading = false
  /** What the promises for the own latest campaign reported. */
  private reported: { ballot: Ballot; records: AcceptedRecord[] } = { ballot: 0, records: [] }
  /** Nothing above may be proposed again at the ballot this node leads. */
  private recoverable: Instance = 0

  constructor(nodeId: NodeId, isVoter: boolean, plan: RunPlan) {
    this.nodeId = nodeId
    this.isVoter = isVoter
    this.plan = plan
    this.held = new HeldForPeers(plan.tuning.fetchHoldMs)
  }

  /** A group as it was just built. */
  begins(group: Group): void {
    this.promised = group.promised
    this.chosenUpTo = group.chosenUpTo
    this.wasLeading = false
    this.held.clear()
  }

  /** True if `chosenUpTo` has moved. */
  stepped(sim: SimGroup, input: Input, now: number, effects: Effects): boolean {
    const { nodeId } = this
    const view = sim.view(nodeId)
    positionsAreOrdered(view)
    tailIsBounded(view, this.plan.tuning.window)
    if (view.promised !== this.promised) {
      promiseMovesFor(view, this.promised, input, effects.records)
      this.promised = view.promised
    }
    if (input.kind === 'message') this.held.received(input.from, input.message, now)
    else if (input.kind === 'link' && !input.up) this.held.linkDown(input.peer)
    else if (input.kind === 'trim') this.watchTrim(sim, now)
    this.watchLeading(sim, input, effects)
    if (view.chosenUpTo === this.chosenUpTo) return false
    chosenOnlyGrows(nodeId, this.chosenUpTo, view.chosenUpTo)
    this.chosenUpTo = view.chosenUpTo
    return true
  }

  sent({ group }: SimGroup, { to, message }: Send, now: number): void {
    this.held.sent(to, message, now)
    onlyVotersAnswer(this.nodeId, this.isVoter, message)
    if (message.kind === 'forward') {
      for (const run of message.runs) {
        if (run.session !== 0 || run.origin !== this.nodeId) continue
        const own = group
          .base()
          .sessions.find(({ origin, incarnation }) => origin === run.origin && incarnation === run.incarnation)
        asksForOneSession(this.nodeId, own?.opened ?? 0)
      }
    }
    if (message.kind === 'accept') recoversOnlyTheLiving(this.nodeId, message, this.recoverable)
  }

  private watchTrim({ group, disk, told }: SimGroup, now: number): void {
    trimmedIsCovered(this.nodeId, group.firstKept, disk.coveredUpTo)
    const bound = (told?.instance ?? 0) + 1 - this.plan.state.mostHeld
    trimWaitsForPeers(this.nodeId, group.firstKept, Math.max(this.held.neededFrom(now), bound))
  }

  private watchLeading(sim: SimGroup, input: Input, { records: stored }: Effects): void {
    const { isLeading } = sim.group
    if (input.kind === 'message' && input.message.kind === 'promise') {
      const { ballot, records } = input.message
      // A late one of an earlier campaign says nothing.
      if (ballot > this.reported.ballot) this.reported = { ballot, records: [] }
      if (ballot === this.reported.ballot) this.reported.records.push(...records)
    }
    if (isLeading && !this.wasLeading) {
      this.recoverable = this.livingUpTo(sim)
      // A majority of one leads and proposes in the same step.
      const proposed = stored.filter(({ ballot }) => ballot === sim.group.promised).length
      leaderKeepsNothingDead(this.nodeId, sim.group.lastAccepted - proposed, this.recoverable)
    }
    this.wasLeading = isLeading
  }

  /**
   * The last instance that a majority may have chosen below the ballot of this node: the last one held at the highest
   * ballot that was reported, or proposed again at it.
   */
  private livingUpTo({ group, disk: { log } }: SimGroup): Instance {
    const records = this.reported.ballot === group.promised ? [...this.reported.records] : []
    for (let i = group.chosenUpTo + 1; i <= log.head.lastAccepted; i++) {
      const own = log.record(i)
      if (own) records.push(own)
    }
    const open = records.filter(({ instance }) => instance > group.chosenUpTo)
    const highest = Math.max(0, ...open.map(({ ballot }) => ballot))
    const living = open.filter(({ ballot }) => ballot === highest)
    return Math.max(group.chosenUpTo, ...living.map(({ instance, recoveredTo }) => Math.max(instance, recoveredTo)))
  }
}
