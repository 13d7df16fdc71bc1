import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { WORKER_COUNTERS, type WorkerCounter } from '../codec/worker-counters.js'
import type { GroupView } from './group-handle.js'
import type { MainTimes } from './main-meter.js'
import type { NodeParts } from './node-start.js'
import type { PortView } from './ports.js'
import type { RouterCounts } from './router.js'
import type { WorkerSlot } from './worker-slot.js'

export interface PeerView {
  readonly nodeId: number
  readonly sendable: boolean
  readonly receivable: boolean
  readonly voterId: string | undefined
}

export interface WorkerView {
  readonly worker: number
  readonly groups: readonly number[]
  readonly counters: Readonly<Record<WorkerCounter, number>>
}

/** One node as it sees itself. Plain data, fit for JSON. */
export interface NodeStatus {
  readonly nodeId: number
  readonly voterId: string
  readonly clusterId: string
  readonly incarnation: string
  /** False: this directory is a new voter that waits to be admitted. */
  readonly isVoter: boolean
  readonly listener: 'uws' | 'ws' | undefined
  readonly groups: readonly GroupView[]
  readonly peers: readonly PeerView[]
  /** Milliseconds by which the process' event loop came late, since the last `status()`. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly memory: { readonly rssBytes: number; readonly heapBytes: number; readonly maxQueueBytes: number }
  readonly router: Readonly<RouterCounts>
  /** Of the main thread since its start: what the loop of the whole process did, and the node's own parts of that. */
  readonly main: Readonly<MainTimes> & { readonly activeMs: number; readonly idleMs: number }
  /** What each worker has counted since it began last; durations in milliseconds. */
  readonly workers: readonly WorkerView[]
  /** Ports of the application. */
  readonly ports: readonly PortView[]
  /** Links refused by this node or by its peers: strangers, other secrets, garbage. */
  readonly refusedLinks: number
  /** Protocol messages that found a worker's inbox full. */
  readonly droppedInboxFull: number
}

const NANOS = 1e6
/** The histogram counts from its resolution on: a loop that is never late shows that much. */
const RESOLUTION_MS = 10

/** Measures the loop of the application's thread, which is the node's own. */
export class LoopMeter {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

  start(): void {
    this.#histogram.enable()
  }

  stop(): void {
    this.#histogram.disable()
  }

  /** Since the last call. */
  take(): NodeStatus['loopDelayMs'] {
    const late = (nanos: number) => Math.max(0, Math.round((nanos / NANOS - RESOLUTION_MS) * 100) / 100) || 0
    const { max } = this.#histogram
    const taken = {
      p50: late(this.#histogram.percentile(50)),
      p99: late(this.#histogram.percentile(99)),
      max: late(max),
    }
    this.#histogram.reset()
    return taken
  }
}

export function statusOf(parts: NodeParts, groups: readonly GroupView[], meter: LoopMeter): NodeStatus {
  const { settings, home, genesis, incarnation, transport, runtime } = parts
  const { rss, heapUsed } = process.memoryUsage()
  const { active, idle } = performance.eventLoopUtilization()
  const peers = settings.nodeIds.filter((id) => id !== settings.nodeId)
  return {
    nodeId: settings.nodeId,
    voterId: home.voterId,
    clusterId: genesis.clusterId,
    incarnation,
    isVoter: genesis.voters.some(({ nodeId, voterId }) => nodeId === settings.nodeId && voterId === home.voterId),
    listener: transport.listener,
    groups,
    peers: peers.map((nodeId) => {
      const { sendable, receivable, identity } = transport.linkState(nodeId)
      return { nodeId, sendable, receivable, voterId: identity?.voterId }
    }),
    loopDelayMs: meter.take(),
    memory: { rssBytes: rss, heapBytes: heapUsed, maxQueueBytes: maxQueueBytes(parts) },
    router: { ...runtime.router.counts },
    main: { ...runtime.meter.times, activeMs: active, idleMs: idle },
    workers: runtime.slots.map(workerView),
    ports: runtime.ports.status(),
    refusedLinks: Object.values(transport.counters.refused).reduce((sum, count) => sum + count, 0),
    droppedInboxFull: runtime.slots.reduce((sum, { port }) => sum + (port?.dropped ?? 0), 0),
  }
}

/** Ports come on top, unless the option leaves room for them. */
function maxQueueBytes({ settings, limits, runtime }: NodeParts): number {
  const isBound = settings.maxMemoryBytes !== undefined
  return limits.maxMemoryBytes + (isBound ? 0 : runtime.ports.status().length * limits.portBytes)
}

function workerView({ index, groups, port }: WorkerSlot): WorkerView {
  const read = (name: WorkerCounter) => {
    if (port === undefined) return 0
    const { counters } = port.end
    return counters.read(counters.cell[name] as number)
  }
  return {
    worker: index,
    groups: groups.map((group) => group.index),
    counters: Object.fromEntries(WORKER_COUNTERS.map((name) => [name, read(name)])) as Record<WorkerCounter, number>,
  }
}
