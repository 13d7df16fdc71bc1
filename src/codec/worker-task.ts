import type { GroupIndex, Millis, NodeId } from '../base/numbers.js'
import type { GroupTuning } from '../core/config.js'
import type { Voter, VoterId } from '../core/membership.js'

/**
 * What the host hands to one group worker at its start: plain data, cloned into the thread. `memory` is what
 * `allocateWorkerMemory` of src/ring returned; it is typed there, and opaque here.
 */
export interface WorkerTask<Memory = unknown> {
  /** Position of this worker in the host's table; for names and logs. */
  readonly worker: number
  readonly memory: Memory
  /** How many groups of each worker take or load a checkpoint: the same in all of them, opaque like `memory`. */
  readonly catchUps: SharedArrayBuffer
  /** By group: how many sequences of own commands have been used. It outlives this worker: none is used twice. */
  readonly sequences: SharedArrayBuffer
  readonly nodeId: NodeId
  readonly voterId: VoterId
  /** 64 random bits as 16 hex digits of this start of the process. */
  readonly incarnation: string
  /** Node ids in ascending order: bit k of a peer mask names `peers[k]`. Contains this node too. */
  readonly peers: readonly NodeId[]
  readonly stores: readonly WorkerStore[]
  /** The genesis voters. */
  readonly voters: readonly Voter[]
  readonly proposeOn: 'leader' | 'here'
  readonly tuning: GroupTuning
  /** Seed of all jitter of this worker. */
  readonly seed: number
  /** Module URLs (href) of the state machines, each with a default export made by `defineStateMachine`. */
  readonly stateMachines: readonly string[]
  readonly limits: WorkerLimits
  /** Of the cluster, for checkpoints. */
  readonly clusterId: string
  readonly checkpoints: CheckpointPolicy
  readonly hold: HoldPolicy
  readonly state: StatePolicy
  readonly scrub: ScrubPolicy
  readonly sync: SyncMode
  /** The host's monotonic clock at the making of this task, in milliseconds: deadlines come in its time. */
  readonly hostNow: Millis
  /** Groups that have never been here and may be made; any other that is missing from its store is damaged. */
  readonly createGroups: readonly GroupIndex[]
  /** Benchmarks only: milliseconds that every durable commit takes longer. */
  readonly flushDelayMs: number
}

/** With what only a thread of its own can have. */
export interface WorkerThreadTask<Memory = unknown> extends WorkerTask<Memory> {
  /** `PortChange`s come here, to be taken after a record PORTS. */
  readonly portChanges: InstanceType<typeof MessagePort>
}

export interface WorkerStore {
  /** Directory of the log environment. */
  readonly path: string
  /** Directory of the state environment: made when a machine needs one. */
  readonly statePath: string
  /** Directory of the external machines: `group-3/machine-7` for each of them. */
  readonly externalPath: string
  /** The groups this store holds. */
  readonly groups: readonly GroupIndex[]
  /** Of each of `groups`, the directory of its checkpoints. */
  readonly checkpointPaths: readonly string[]
}

/** When a checkpoint is taken by itself: whichever comes first, and only if something was executed since the last one. */
export interface CheckpointPolicy {
  readonly everyInstances: number
  /** Bytes of executed values. */
  readonly everyBytes: number
  readonly everyMs: Millis
  /** How many are kept. */
  readonly keep: number
}

/**
 * What is kept of the log below the newest checkpoint: so many instances, or what was chosen in so much time, whichever
 * is more; but no more than so many bytes.
 */
export interface HoldPolicy {
  readonly instances: number
  readonly ms: Millis
  readonly bytes: number
}

/** How fast what nobody reads is read, for each group, and how long after one pass the next one begins. 0: never. */
export interface ScrubPolicy {
  readonly bytesPerSecond: number
  readonly everyMs: Millis
}

/**
 * When what a log store has written is flushed: before anybody hears of it, so long after it at the latest, or only when
 * LMDB takes up the journal.
 */
export type SyncMode = 'always' | 'never' | { readonly intervalMs: Millis }

/** When the state of stored machines is committed: after so many changed bytes, or so long after a change. */
export interface StatePolicy {
  readonly commitBytes: number
  readonly commitMs: Millis
  /** Blocks kept in memory, for each store. */
  readonly cacheBytes: number
}

export interface WorkerLimits {
  readonly maxCommandBytes: number
  /** Bound on one encoded result or query answer. */
  readonly maxResultBytes: number
  /** Milliseconds of user code per round before the worker turns to its inboxes again. */
  readonly executionBudgetMs: number
  /** Bytes of proposals that may wait in the core of one group before the command inbox is left unread. */
  readonly maxWaitingBytes: number
  /** Bytes of one message reassembled from fragments. */
  readonly maxMessageBytes: number
}
