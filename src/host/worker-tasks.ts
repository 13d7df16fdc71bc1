import type { GroupIndex } from '../base/numbers.js'
import type { TakeRequest } from '../codec/worker-records.js'
import type { SyncMode, WorkerStore, WorkerThreadTask } from '../codec/worker-task.js'
import type { Voter, VoterId } from '../core/membership.js'
import { allocateSequences } from '../ring/sequences.js'
import { allocateTally } from '../ring/tally.js'
import type { WorkerMemory } from '../ring/worker-memory.js'
import { checkpointsPath, externalPath, groupsOfStore, logPath, statePath, storeOfGroup } from '../store/data-layout.js'
import type { CheckpointJob } from './checkpoint-pool.js'
import type { Limits } from './limits.js'
import type { Settings } from './options.js'

export interface TaskSource {
  readonly settings: Settings
  readonly limits: Limits
  readonly clusterId: string
  readonly voterId: VoterId
  readonly incarnation: string
  readonly voters: readonly Voter[]
  readonly groups: number
  readonly stores: number
  readonly threads: number
}

/** How many proposals the core of a group may hold before its inbox is left unread, in batches. */
const WAITING_BATCHES = 4

/** What threads are told at their start: who they are, which stores and groups are theirs, and where these lie. */
export class WorkerTasks {
  readonly #source: TaskSource
  readonly #catchUps: SharedArrayBuffer
  /** Of each worker. */
  readonly #sequences: readonly SharedArrayBuffer[]

  constructor(source: TaskSource) {
    this.#source = source
    this.#catchUps = allocateTally(source.threads)
    this.#sequences = Array.from({ length: source.threads }, (_, worker) => allocateSequences(this.groupsOf(worker)))
  }

  /** The groups of a worker, in the order of its own table. */
  groupsOf(worker: number): readonly GroupIndex[] {
    return this.#storesOf(worker).flatMap((store) => this.#groupsIn(store))
  }

  logPathsOf(worker: number): readonly string[] {
    return this.#storesOf(worker).map((store) => logPath(this.#source.settings.dataDir, store))
  }

  workerTask(
    worker: number,
    memory: WorkerMemory,
    portChanges: InstanceType<typeof MessagePort>,
    hostNow: number,
    createGroups: readonly GroupIndex[],
    sync: SyncMode,
  ): WorkerThreadTask<WorkerMemory> {
    const { settings, limits, clusterId, voterId, incarnation, voters } = this.#source
    const { checkpoints, trimming, state, scrub, tuning } = settings
    return {
      worker,
      memory,
      portChanges,
      catchUps: this.#catchUps,
      sequences: this.#sequences[worker] as SharedArrayBuffer,
      // Clocks of threads begin with them: deadlines are moved by the difference.
      hostNow,
      createGroups,
      nodeId: settings.nodeId,
      voterId,
      incarnation,
      peers: settings.nodeIds,
      stores: this.#storesOf(worker).map((store) => this.#store(store)),
      voters,
      proposeOn: settings.proposeOn,
      tuning,
      seed: Math.floor(Math.random() * 0x1_0000_0000),
      stateMachines: settings.stateMachines,
      limits: {
        maxCommandBytes: settings.maxCommandBytes,
        maxResultBytes: settings.maxResultBytes,
        executionBudgetMs: settings.executionBudgetMs,
        maxWaitingBytes: Math.max(tuning.batchBytes * WAITING_BATCHES, settings.maxCommandBytes),
        maxMessageBytes: limits.maxMessageBytes,
      },
      clusterId,
      checkpoints: {
        everyInstances: checkpoints.everyInstances,
        everyBytes: checkpoints.everyBytes,
        everyMs: checkpoints.everyMs,
        keep: checkpoints.keep,
      },
      hold: { instances: trimming.holdInstances, ms: trimming.holdMs, bytes: trimming.holdBytes },
      state,
      scrub,
      sync,
      flushDelayMs: settings.testing.flushDelayMs,
    }
  }

  checkpointJob(group: GroupIndex, request: TakeRequest): CheckpointJob {
    const { settings, clusterId, voters, stores } = this.#source
    const { dataDir } = settings
    const store = storeOfGroup(group, stores)
    return {
      request,
      group,
      clusterId,
      // The genesis: there is no change of membership yet.
      membership: { version: 0, voters },
      directory: checkpointsPath(dataDir, store, group),
      logPath: logPath(dataDir, store),
      statePath: statePath(dataDir, store),
      stateMachines: settings.stateMachines,
      maxResultBytes: settings.maxResultBytes,
      sessionInstances: settings.tuning.sessionInstances,
      createdAt: Date.now(),
    }
  }

  #store(store: number): WorkerStore {
    const { dataDir } = this.#source.settings
    const groups = this.#groupsIn(store)
    return {
      path: logPath(dataDir, store),
      statePath: statePath(dataDir, store),
      externalPath: externalPath(dataDir, store),
      groups,
      checkpointPaths: groups.map((group) => checkpointsPath(dataDir, store, group)),
    }
  }

  /** A thread owns whole stores; which ones may change at each start. */
  #storesOf(worker: number): readonly number[] {
    const owned: number[] = []
    for (let store = worker; store < this.#source.stores; store += this.#source.threads) owned.push(store)
    return owned
  }

  #groupsIn(store: number): readonly GroupIndex[] {
    return groupsOfStore(store, this.#source.stores, this.#source.groups)
  }
}
