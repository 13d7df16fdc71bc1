import type { Instance, Millis, NodeId } from '../base/numbers.js'
import type { GroupState } from './group-state.js'
import type { PartRead } from './input.js'
import type { Fetch } from './messages.js'

/** Offers this node's checkpoint to peers that are too far behind for the log, and hands out its parts. */
export class CheckpointSource {
  private readonly state: GroupState
  /** Peers that were offered a checkpoint: what they need of the log after it, and when they were last heard. */
  private readonly takers = new Map<NodeId, { readonly instance: Instance; readonly heardAt: Millis }>()

  constructor(state: GroupState) {
    this.state = state
  }

  /** Offers a checkpoint that covers `wanted`, and behind which the log goes on. False: there is none, and one is made. */
  offer(peer: NodeId, session: number, wanted: Instance): boolean {
    const { state } = this
    const { checkpoint, firstKept } = state
    // The one that the log was trimmed behind may have been damaged since: an older one leads nowhere.
    if (checkpoint === undefined || checkpoint.instance < Math.max(wanted, firstKept - 1)) {
      state.effects.transfers.push({ kind: 'make' })
      return false
    }
    this.note(peer, checkpoint.instance)
    state.send(peer, { kind: 'offer', session, ...checkpoint })
    return true
  }

  onFetch(peer: NodeId, { session, instance, id, part }: Fetch): void {
    this.note(peer, instance)
    this.state.effects.transfers.push({ kind: 'read', peer, session, instance, id, part })
  }

  onPartRead({ peer, session, part, bytes }: PartRead): void {
    this.state.send(peer, { kind: 'part', session, part, bytes })
  }

  /** The first instance of the log that a peer needs behind the checkpoint it takes; infinite: none. */
  neededFrom(now: Millis): Instance {
    let needed = Number.POSITIVE_INFINITY
    for (const [peer, { instance, heardAt }] of this.takers) {
      if (now - heardAt > this.state.tuning.fetchHoldMs) this.takers.delete(peer)
      else needed = Math.min(needed, instance + 1)
    }
    return needed
  }

  private note(peer: NodeId, instance: Instance): void {
    this.takers.set(peer, { instance, heardAt: this.state.now })
  }
}
