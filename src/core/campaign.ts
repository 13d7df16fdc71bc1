import type { Ballot, Instance, NodeId } from '../base/numbers.js'
import type { AcceptedRecord } from './durable.js'
import type { GroupState } from './group-state.js'
import type { Promised } from './messages.js'

/** One attempt to lead, at one ballot that no one else and no other life of this node ever uses. */
export class Campaign {
  readonly ballot: Ballot
  readonly from: Instance
  /** False until the own promise is durable: only then may the prepare be sent. */
  prepared = false
  /** Rounds of resending so far. */
  resends = 0
  private readonly promises = new Map<NodeId, readonly AcceptedRecord[]>()

  constructor(ballot: Ballot, from: Instance) {
    this.ballot = ballot
    this.from = from
  }

  /** The own promise is on disk: ask the others. */
  onOwnPromiseDurable(state: GroupState): void {
    if (this.prepared) return
    this.prepared = true
    this.promises.set(state.nodeId, [])
    this.ask(state, state.otherVoters())
  }

  /** Asks those that have not answered (again). */
  askSilent(state: GroupState): void {
    if (this.prepared)
      this.ask(
        state,
        state.otherVoters().filter((nodeId) => !this.promises.has(nodeId)),
      )
  }

  ask(state: GroupState, peers: readonly NodeId[]): void {
    state.broadcast(peers, {
      kind: 'prepare',
      version: state.membership.version,
      ballot: this.ballot,
      from: this.from,
    })
  }

  addPromise(from: NodeId, promise: Promised): void {
    if (promise.from === this.from) this.promises.set(from, promise.records)
  }

  hasMajority(state: GroupState): boolean {
    return this.promises.size >= state.membership.majority
  }

  /** All records that the majority reported, the own ones as they are now. */
  *reported(state: GroupState): Iterable<AcceptedRecord> {
    for (const records of this.promises.values()) yield* records
    yield* state.log.recordsFrom(state.chosenUpTo + 1)
  }
}
