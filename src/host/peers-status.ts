import type { NodeId } from '../base/numbers.js'
import { encodedSize, encodeMessage } from '../codec/messages.js'
import type { Status } from '../core/messages.js'
import type { HostedGroup } from './hosted-group.js'

/** How often a pair of nodes tells each other of the groups that have changed. */
export const STATUS_INTERVAL_MS = 1_000

/**
 * What a broken link or a full queue has lost is found by comparing notes: to every peer, on connect of all groups, and
 * at an interval of those that have changed since it was last told, or may have lost something: who is ahead answers.
 * An idle cluster says nothing.
 */
export class PeersStatus {
  readonly #changed = new Map<NodeId, Set<HostedGroup>>()
  readonly #groups: readonly HostedGroup[]
  readonly #send: (to: NodeId, group: number, message: Uint8Array) => void
  /** Tells that something is to be sent at the next interval. */
  readonly #wanted: () => void

  constructor(
    peers: readonly NodeId[],
    groups: readonly HostedGroup[],
    send: (to: NodeId, group: number, message: Uint8Array) => void,
    wanted: () => void,
  ) {
    this.#groups = groups
    this.#send = send
    this.#wanted = wanted
    for (const peer of peers) this.#changed.set(peer, new Set())
  }

  changed(group: HostedGroup): void {
    for (const set of this.#changed.values()) set.add(group)
    this.#wanted()
  }

  /** Frames to `peer` were lost: of which groups, nobody knows. */
  lost(peer: NodeId): void {
    const set = this.#changed.get(peer)
    if (set === undefined) return
    for (const group of this.#groups) set.add(group)
    this.#wanted()
  }

  /** A new link: whatever was said on the old one may be lost. */
  connected(peer: NodeId): void {
    const set = this.#changed.get(peer)
    if (set === undefined) return
    for (const group of this.#groups) set.add(group)
    this.#tell(peer, set)
  }

  /** To the peers that `isUp`; what the others missed they hear on connect. */
  tick(isUp: (peer: NodeId) => boolean): void {
    for (const [peer, set] of this.#changed) {
      if (isUp(peer)) this.#tell(peer, set)
      else set.clear()
    }
  }

  #tell(peer: NodeId, changed: Set<HostedGroup>): void {
    const told = [...changed]
    // First: what gets lost while this is sent is to be told again.
    changed.clear()
    for (const { index, status } of told) {
      // A group that does not run here has nothing to say.
      if (status === undefined || status.state === 'failed' || status.state === 'stopped') continue
      const { chosenUpTo, lastAccepted, chain, leader } = status
      const message: Status = { kind: 'status', chosenUpTo, lastAccepted, chain, leader }
      const bytes = new Uint8Array(encodedSize(message))
      encodeMessage(message, bytes, 0)
      this.#send(peer, index, bytes)
    }
  }
}
