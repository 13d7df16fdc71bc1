import type { GroupIndex, NodeId } from '../../../src/base/numbers.js'
import { KIND } from '../../../src/codec/message-layout.js'
import { WORKER_COUNTERS } from '../../../src/codec/worker-counters.js'
import type {
  CheckpointPolicy,
  StatePolicy,
  SyncMode,
  WorkerLimits,
  WorkerStore,
  WorkerTask,
} from '../../../src/codec/worker-task.js'
import { DEFAULT_TUNING, type GroupTuning } from '../../../src/core/config.js'
import { TIMER_KINDS } from '../../../src/core/timers.js'
import { allocateDoorbell } from '../../../src/ring/doorbell.js'
import { allocateSequences } from '../../../src/ring/sequences.js'
import { allocateTally } from '../../../src/ring/tally.js'
import { allocateWorkerMemory, openWorkerEnd, type WorkerMemory } from '../../../src/ring/worker-memory.js'
import type { AnyStateMachine } from '../../../src/state-machine/contract.js'
import type { LogStore } from '../../../src/store/log-store.js'
import { MemoryLogStore } from '../../../src/store/memory-log-store.js'
import { MemoryStateStore } from '../../../src/store/memory-state-store.js'
import { buildWorker } from '../../../src/worker/build-worker.js'
import type { Clock } from '../../../src/worker/clock.js'
import type { Round } from '../../../src/worker/round.js'
import { QUIET_POLICIES, workerStore } from '../../support/worker-policies.js'
import { TestHost } from './test-host.js'

export interface ClusterOptions {
  readonly sync?: SyncMode
  readonly machines: readonly AnyStateMachine[]
  /** Stores of each node, with their groups. */
  readonly stores?: readonly (readonly GroupIndex[])[]
  readonly openLog?: (node: NodeId, store: WorkerStore, cluster: TestCluster) => LogStore
  readonly limits?: Partial<WorkerLimits>
  readonly tuning?: Partial<GroupTuning>
  readonly outboxBytes?: number
  readonly state?: Partial<StatePolicy>
  readonly checkpoints?: CheckpointPolicy
  /** Groups that may be made; all of them unless given. */
  readonly createGroups?: readonly GroupIndex[]
}

export const NODES: readonly NodeId[] = [1, 2, 3]
export const voterOf = (node: NodeId): string => node.toString(16).padStart(16, '0')

const LIMITS: WorkerLimits = {
  maxCommandBytes: 16 * 1024 * 1024,
  maxResultBytes: 4 * 1024 * 1024,
  executionBudgetMs: 50,
  maxWaitingBytes: 64 * 1024 * 1024,
  maxMessageBytes: 128 * 1024 * 1024,
}

export interface TestNode {
  readonly node: NodeId
  readonly memory: WorkerMemory
  readonly host: TestHost
  readonly round: Round
  readonly task: WorkerTask
}

/** Three workers in one thread: their real rounds, rings and stores; a network and a clock made by hand. */
export class TestCluster {
  nowMs = 1000
  readonly clock: Clock = { now: () => this.nowMs }
  readonly nodes = new Map<NodeId, TestNode>()
  /** Nodes that neither hear nor are heard. */
  readonly cut = new Set<NodeId>()
  /** How often each message is delivered. */
  copies = 1
  readonly #options: ClusterOptions
  readonly #memories = new Map<string, MemoryLogStore>()
  readonly #states = new Map<string, MemoryStateStore>()
  #lives = 0

  constructor(options: ClusterOptions) {
    this.#options = options
    for (const node of NODES) this.start(node)
  }

  /** A new life of a node, on what its stores hold. */
  start(node: NodeId, machines: readonly AnyStateMachine[] = this.#options.machines): void {
    const stores = (this.#options.stores ?? [[0]]).map((groups, k) => workerStore(`node-${node}/store-${k}`, groups))
    const groups = stores.flatMap((store) => store.groups)
    const memory = allocateWorkerMemory({
      controlBytes: 4 * 1024 * 1024,
      commandBytes: 4 * 1024 * 1024,
      outboxBytes: this.#options.outboxBytes ?? 8 * 1024 * 1024,
      groups: groups.length,
      timersPerGroup: TIMER_KINDS.length,
      counterNames: WORKER_COUNTERS,
      hostBell: allocateDoorbell(),
    })
    const task: WorkerTask<WorkerMemory> = {
      worker: 0,
      memory,
      catchUps: allocateTally(1),
      sequences: allocateSequences(groups),
      nodeId: node,
      voterId: voterOf(node),
      incarnation: (++this.#lives).toString(16).padStart(16, '0'),
      peers: NODES,
      stores,
      voters: NODES.map((nodeId) => ({ nodeId, voterId: voterOf(nodeId) })),
      proposeOn: 'leader',
      tuning: { ...DEFAULT_TUNING, ...this.#options.tuning },
      seed: node * 7919,
      stateMachines: [],
      limits: { ...LIMITS, ...this.#options.limits },
      ...QUIET_POLICIES,
      checkpoints: this.#options.checkpoints ?? QUIET_POLICIES.checkpoints,
      state: { ...QUIET_POLICIES.state, ...this.#options.state },
      sync: this.#options.sync ?? QUIET_POLICIES.sync,
      flushDelayMs: 0,
      hostNow: this.clock.now(),
      createGroups: this.#options.createGroups ?? groups,
    }
    const openLog = (store: WorkerStore) => this.#options.openLog?.(node, store, this) ?? this.memoryLog(store.path)
    const { round } = buildWorker(task, {
      end: openWorkerEnd(memory),
      clock: this.clock,
      watch: this.clock,
      machines,
      nextPortChange: () => undefined,
      openLog,
      openState: ({ statePath }, setAside, damaged) => {
        if (damaged === undefined) return this.memoryState(statePath)
        setAside(damaged, 'aside')
        this.#states.delete(statePath)
        return this.memoryState(statePath)
      },
    })
    const host = new TestHost(memory, NODES, groups)
    this.nodes.set(node, { node, memory, host, round, task })
    round.start(new Set(task.createGroups))
    for (const peer of NODES) {
      if (peer === node || !this.nodes.has(peer)) continue
      host.link({ peer, voterId: voterOf(peer), up: true })
      this.host(peer).link({ peer: node, voterId: voterOf(node), up: true })
    }
  }

  /** What a restarted process finds: the same bytes, whatever befell the open store. */
  memoryLog(path: string): MemoryLogStore {
    const log = this.#memories.get(path)?.image() ?? new MemoryLogStore()
    this.#memories.set(path, log)
    return log
  }

  /** The state that is open at `path` now. */
  openState(path: string): MemoryStateStore {
    const state = this.#states.get(path)
    if (state === undefined) throw new Error(`no state at ${path}`)
    return state
  }

  memoryState(path: string): MemoryStateStore {
    const state = this.#states.get(path)?.image() ?? new MemoryStateStore()
    this.#states.set(path, state)
    return state
  }

  /** The store that is open at `path` now, to make it fail. */
  memory(path: string): MemoryLogStore {
    const log = this.#memories.get(path)
    if (log === undefined) throw new Error(`no store at ${path}`)
    return log
  }

  host(node: NodeId): TestHost {
    return this.#node(node).host
  }

  round(node: NodeId): Round {
    return this.#node(node).round
  }

  turnAll(look?: (node: NodeId) => void): void {
    for (const node of this.nodes.keys()) this.turn(node, look)
  }

  /** One round of one node, and the delivery of what it sent. True if it wants another one at once. */
  turn(node: NodeId, look: (node: NodeId) => void = () => undefined): boolean {
    const { host, round } = this.#node(node)
    host.fireTimers(this.nowMs)
    const more = round.run()
    look(node)
    host.pump(this.nowMs)
    const sent = host.sent
    host.sent = []
    for (const { group, to, bytes } of sent) {
      if (bytes[0] === KIND.promise || bytes[0] === KIND.accepted) host.votes.push(group)
      for (const peer of to) {
        if (this.cut.has(node) || this.cut.has(peer) || !this.nodes.has(peer)) continue
        for (let k = 0; k < this.copies; k++) this.host(peer).message(group, node, bytes)
      }
    }
    return more || sent.length > 0
  }

  /** Rounds of all nodes, with a millisecond in between, until `done` or for `limitMs`. */
  run(done: () => boolean, limitMs = 20_000): void {
    const end = this.nowMs + limitMs
    while (!done()) {
      if (this.nowMs > end) throw new Error(`not done after ${limitMs} ms: ${this.describe()}`)
      for (const node of this.nodes.keys()) this.turn(node)
      this.nowMs++
    }
  }

  runFor(ms: number): void {
    const end = this.nowMs + ms
    this.run(() => this.nowMs >= end, ms + 1)
  }

  describe(): string {
    return JSON.stringify([...this.nodes.values()].map(({ host }) => [...host.statuses.values()]))
  }

  #node(node: NodeId): TestNode {
    const found = this.nodes.get(node)
    if (found === undefined) throw new Error(`node ${node} is down`)
    return found
  }
}
