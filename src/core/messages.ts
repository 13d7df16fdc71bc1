import type { Ballot, Instance, MembershipVersion } from '../base/numbers.js'
import type { CommandRun, Value } from './command-run.js'
import type { AcceptedRecord } from './durable.js'

/**
 * The catalogue of messages between the nodes of one group: who sends it, to whom, when. All may be lost, doubled,
 * delayed and reordered. `version` is the membership version that the sender had in force.
 */
export type Message =
  | Probe
  | Free
  | Busy
  | Prepare
  | Promised
  | Behind
  | Nack
  | Accept
  | Accepted
  | Gap
  | Chosen
  | Learn
  | Learned
  | LearnAck
  | Forward
  | Redirect
  | AskReadPoint
  | ReadPoint
  | Status
  | Offer
  | Fetch
  | Part

/** A suspecting node to all voters, before it raises a ballot: is there a living leader? `probe` tells rounds apart. */
export interface Probe {
  readonly kind: 'probe'
  readonly probe: number
}

/** Answer to a probe: no living leader seen within `suspectMs`. `promised` saves the candidate a refused prepare. */
export interface Free {
  readonly kind: 'free'
  readonly probe: number
  readonly promised: Ballot
  readonly chosenUpTo: Instance
}

/** Answer to a probe: the leader of `ballot` is alive here. */
export interface Busy {
  readonly kind: 'busy'
  readonly probe: number
  readonly ballot: Ballot
}

/** A candidate to all voters, after its own promise is durable. `from`: its `chosenUpTo + 1`. */
export interface Prepare {
  readonly kind: 'prepare'
  readonly version: MembershipVersion
  readonly ballot: Ballot
  readonly from: Instance
}

/** An acceptor to a candidate, after its promise is durable. `records`: all it accepted from `from` on, contiguous. */
export interface Promised {
  readonly kind: 'promise'
  readonly version: MembershipVersion
  readonly ballot: Ballot
  readonly from: Instance
  readonly chosenUpTo: Instance
  readonly records: readonly AcceptedRecord[]
}

/** An acceptor to a candidate whose log is too old: learn first. The promise is not raised. */
export interface Behind {
  readonly kind: 'behind'
  readonly ballot: Ballot
  readonly chosenUpTo: Instance
}

/** An acceptor to a candidate or leader: it promised a higher ballot. */
export interface Nack {
  readonly kind: 'nack'
  readonly ballot: Ballot
  readonly promised: Ballot
}

/** The leader to all voters. Sent before the leader's own record is durable. */
export interface Accept {
  readonly kind: 'accept'
  readonly version: MembershipVersion
  readonly ballot: Ballot
  readonly instance: Instance
  readonly recoveredTo: Instance
  /** What the leader knows chosen: rides along so that a busy pipeline needs no `chosen` messages. */
  readonly chosenUpTo: Instance
  readonly value: Value
}

/**
 * An acceptor to the leader, after the commit: every instance above its `chosenUpTo` up to `upTo` is held at `ballot`.
 * A leader that reads a `chosenUpTo` above its own has been overtaken; only below it may the vote be counted.
 */
export interface Accepted {
  readonly kind: 'accepted'
  readonly version: MembershipVersion
  readonly ballot: Ballot
  readonly chosenUpTo: Instance
  readonly upTo: Instance
}

/** An acceptor to the leader: the contiguity rule refused an accept; `next` is the instance it wants. */
export interface Gap {
  readonly kind: 'gap'
  readonly ballot: Ballot
  readonly next: Instance
}

/** The leader to all, when its pipeline drains: everything up to `upTo` is chosen; `chain` is its checksum there. */
export interface Chosen {
  readonly kind: 'chosen'
  readonly ballot: Ballot
  readonly upTo: Instance
  readonly chain: number
}

/** A node that is behind to one peer: stream me what was chosen, from `from` on. */
export interface Learn {
  readonly kind: 'learn'
  readonly session: number
  readonly from: Instance
  /**
   * `stream`: the log from there on, or a checkpoint where that is less to send. `log`: no checkpoint as long as the log
   * is kept, because the asking node has just loaded one, and would chase the next. `once`: only the instance `from`,
   * whose record the asking node has lost. `checkpoint`: one that covers everything below `from`, because the asking
   * node has lost its state, and no longer has the log that would rebuild it.
   */
  readonly want: 'stream' | 'log' | 'once' | 'checkpoint'
}

/** The source of a learn session: chosen values `from`, `from + 1`, ...; `done` when it has no more. */
export interface Learned {
  readonly kind: 'learned'
  readonly session: number
  readonly from: Instance
  readonly values: readonly Value[]
  /** What the source knows chosen. Below `from` in an answer to `want: 'once'`: it has only accepted that value. */
  readonly chosenUpTo: Instance
  readonly done: boolean
}

/** The learner to its source: opens the byte window again. */
export interface LearnAck {
  readonly kind: 'learn-ack'
  readonly session: number
  readonly upTo: Instance
}

/** An origin to the leader in sight (or, once, through a peer that sees the leader). `hops` bounds the way. */
export interface Forward {
  readonly kind: 'forward'
  readonly hops: number
  readonly runs: readonly CommandRun[]
}

/** Answer to a forward by a node that does not lead: who does, as far as it knows; ballot 0 if nobody. */
export interface Redirect {
  readonly kind: 'redirect'
  readonly ballot: Ballot
}

/** A reading node to all voters. */
export interface AskReadPoint {
  readonly kind: 'ask-read-point'
  readonly round: number
}

/** Answer: nothing this acceptor has accepted or knows chosen lies above `point`. */
export interface ReadPoint {
  readonly kind: 'read-point'
  readonly version: MembershipVersion
  readonly round: number
  readonly point: Instance
}

/** Every node to every peer, coalesced over groups by the host: on connect, and at an interval if something changed. */
export interface Status {
  readonly kind: 'status'
  readonly chosenUpTo: Instance
  readonly lastAccepted: Instance
  readonly chain: number
  /** The ballot of the leader in sight; 0 if none. */
  readonly leader: Ballot
}

/**
 * The source of a learn session that has trimmed what was asked for, or whose checkpoint is much the cheaper way: take
 * this, then learn the rest. `id` is the checksum of its manifest.
 */
export interface Offer {
  readonly kind: 'offer'
  readonly session: number
  readonly instance: Instance
  readonly id: number
  readonly manifestBytes: number
  readonly dataBytes: number
}

/** A node that takes an offer to whoever made it: send me this part. Parts are numbered from 0. */
export interface Fetch {
  readonly kind: 'fetch'
  readonly session: number
  readonly instance: Instance
  readonly id: number
  readonly part: number
}

/** Answer to a fetch; no bytes: the checkpoint is not there any more. */
export interface Part {
  readonly kind: 'part'
  readonly session: number
  readonly part: number
  readonly bytes: Uint8Array
}

export type MessageKind = Message['kind']
