import type { Millis, NodeId } from '../base/numbers.js'
import type { ValueCodec } from './command-run.js'
import type { Membership, VoterId } from './membership.js'

/** What one group is told at its start. Durations in milliseconds, sizes in bytes. */
export interface GroupConfig {
  readonly nodeId: NodeId
  readonly voterId: VoterId
  /** 64 random bits as 16 hex digits, drawn at each start of the process. */
  readonly incarnation: string
  readonly membership: Membership
  readonly values: ValueCodec
  /** Seed of all jitter of this group. */
  readonly seed: number
  /** `here` proposes on this node without asking for a living leader first, as a leaderless Paxos does. */
  readonly proposeOn: 'leader' | 'here'
  readonly tuning: GroupTuning
}

export interface GroupTuning {
  /** W: instances in flight. */
  readonly window: number
  /** Instances that one peer may have unacknowledged; beyond it, it is left to the learn stream. */
  readonly peerWindow: number
  /** Bytes in flight; one instance may always be. */
  readonly windowBytes: number
  /** Bytes and commands one instance may choose; one run may always be. */
  readonly batchBytes: number
  readonly batchCount: number
  /**
   * How long a leader whose pipeline has drained waits for the next accept to carry what is chosen before it says so by
   * itself. 0: never waits. It does not wait either where another node does: for its own command, or for a read.
   */
  readonly announceMs: Millis
  readonly resendMs: Millis
  readonly forwardMs: Millis
  readonly suspectMs: Millis
  readonly backOffMs: Millis
  readonly maxBackOffMs: Millis
  readonly learnMs: Millis
  /** Window of a learn stream at its start and at the most, and what one message of it holds at most. */
  readonly learnStartBytes: number
  readonly learnWindowBytes: number
  readonly learnChunkBytes: number
  /** Rest of a learn stream after a chunk, as a multiple of the time the chunk took. 0: none. */
  readonly learnRest: number
  /** Bytes per second that a node takes of checkpoints, and loads of them: all of its groups together. */
  readonly fetchBytesPerSecond: number
  /** Parts of one checkpoint that are on their way at one time. */
  readonly fetchWindow: number
  /** How long the log behind a checkpoint is kept for a peer that was offered it and is not heard of. */
  readonly fetchHoldMs: Millis
  /** Bytes of chosen values kept in memory for execution; the rest is read from the log again. */
  readonly valueCacheBytes: number
  /** A session ends after this many instances without a command of it. */
  readonly sessionInstances: number
  /** Chain checksums remembered for comparison with what peers claim. */
  readonly chainHistory: number
}

export const DEFAULT_TUNING: GroupTuning = {
  window: 16,
  peerWindow: 64,
  windowBytes: 32 * 1024 * 1024,
  batchBytes: 1024 * 1024,
  batchCount: 16384,
  announceMs: 4,
  resendMs: 200,
  forwardMs: 400,
  suspectMs: 600,
  backOffMs: 20,
  maxBackOffMs: 1000,
  learnMs: 500,
  learnStartBytes: 64 * 1024,
  learnWindowBytes: 4 * 1024 * 1024,
  learnChunkBytes: 512 * 1024,
  learnRest: 2,
  fetchBytesPerSecond: 16 * 1024 * 1024,
  fetchWindow: 4,
  fetchHoldMs: 60_000,
  valueCacheBytes: 64 * 1024 * 1024,
  sessionInstances: 1_000_000,
  chainHistory: 4096,
}
