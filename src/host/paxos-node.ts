import type { MessagePort } from 'node:worker_threads'
import { pino } from 'pino'
import type { SyncMode } from '../codec/worker-task.js'
import { GroupHandle } from './group-handle.js'
import type { NodeEventMap } from './node-events.js'
import { endParts, type NodeParts, startParts } from './node-start.js'
import { LoopMeter, type NodeStatus, statusOf } from './node-status.js'
import type { PaxosOptions } from './option-schema.js'
import { parseOptions, parseSync } from './options.js'
import { PaxosError } from './paxos-error.js'
import { routeKey } from './routing.js'
import { HEAD_BYTES } from './worker-port.js'

export interface StopOptions {
  /** Milliseconds that calls in flight are given to end; default `timeouts.stopMs`. */
  readonly graceMs?: number
  /**
   * What to do if a worker hangs in a commit that does not end: such a thread can be ended with the process only.
   * `kill` (default) sends SIGKILL to this very process; `leave` rejects with `STALLED` and leaves the threads behind.
   */
  readonly onStall?: 'kill' | 'leave'
}

// Not every realm that can load this has the symbol (test runners make realms of their own).
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? (Symbol.for('nodejs.asyncDispose') as never)

/**
 * One node of a cluster, in this process. Its sockets and promises live on the thread that starts it: an application
 * that blocks this thread is a node that stands still.
 *
 * @example
 * await using node = await PaxosNode.start({ nodeId: 1, nodes, dataDir: './data/1', stateMachines, clusterSecret })
 * const { result } = await node.groupFor('user:42').propose({ add: 1 })
 */
export class PaxosNode {
  readonly #parts: NodeParts
  readonly #handles: readonly GroupHandle[]
  readonly #meter = new LoopMeter()
  #stopping: Promise<void> | undefined

  private constructor(parts: NodeParts) {
    this.#parts = parts
    const { settings, machines, clock, runtime } = parts
    const { proposeMs, readMs } = settings.timeouts
    const handle = { maxCommandBytes: settings.maxCommandBytes, proposeMs, readMs, machines, now: clock.now }
    this.#handles = runtime.groups.map((group) => new GroupHandle(group, handle))
    this.#meter.start()
  }

  /**
   * Starts a node and resolves when all of its groups run here; before the birth of the cluster, that is when all
   * listed nodes are up. Rejects with a `PaxosError` that says what to do, and then nothing has been written.
   * `signal` gives up a start that still waits.
   */
  static async start(options: PaxosOptions, signal?: AbortSignal): Promise<PaxosNode> {
    const settings = parseOptions(options)
    const log = settings.logger ?? pino({ name: 'shardpaxos', level: 'warn' }, pino.destination(2))
    return new PaxosNode(await startParts(settings, log, signal ?? new AbortController().signal))
  }

  get nodeId(): number {
    return this.#parts.settings.nodeId
  }

  get groupCount(): number {
    return this.#handles.length
  }

  /** By index, from 0. Throws `NO_SUCH_GROUP`. */
  group(index: number): GroupHandle {
    const handle = this.#handles[index]
    if (handle !== undefined) return handle
    const message = `there is no group ${String(index)}; this cluster has the groups 0 to ${this.#handles.length - 1}`
    throw new PaxosError('NO_SUCH_GROUP', message, { outcome: 'not-applied' })
  }

  /** The group of a key: the same on every node and for the life of the cluster. */
  groupFor(key: string | Uint8Array): GroupHandle {
    return this.group(routeKey(key, this.#parts.genesis.routingGroups))
  }

  /**
   * A handle for one of the application's own threads, which opens it with `openPort` of `shardpaxos/port` and then
   * proposes and reads without this thread's part in it. It is transferred: name it in the `transferList` too. Throws
   * `TOO_MANY_PORTS` or `NODE_STOPPED`. The port ends when its thread closes it or ends; an unopened one with `close()`.
   *
   * @example
   * const port = node.port()
   * new Worker(new URL('./worker.js', import.meta.url), { workerData: { port }, transferList: [port] })
   */
  port(): MessagePort {
    const { settings, machines, genesis, limits, runtime } = this.#parts
    const { admission, maxCommandBytes, timeouts } = settings
    const { proposeMs, readMs } = timeouts
    return runtime.ports.open({
      workers: runtime.slots.map(({ groups }) => groups.map(({ index }) => index)),
      groupCount: this.groupCount,
      routingGroups: genesis.routingGroups,
      machines,
      maxCommandBytes,
      maxMessageBytes: limits.maxMessageBytes + HEAD_BYTES,
      proposeMs,
      readMs,
      admission,
    })
  }

  /**
   * Changes when votes are flushed on this node, until the end of the process: option `sync`. Resolves when every store has
   * noted it durably; while calls overlap, that is what the last one said. Rejects with `INVALID_OPTION`, `NODE_STOPPED`, or
   * what a store has failed with: all others have changed, and that one does when it works again.
   *
   * @example await node.setSync({ intervalMs: 100 })
   */
  async setSync(mode: SyncMode): Promise<void> {
    const wanted = parseSync(mode)
    if (this.#stopping !== undefined) throw new PaxosError('NODE_STOPPED', 'the node has been stopped')
    await this.#parts.runtime.sync.set(wanted)
  }

  status(): NodeStatus {
    const groups = this.#handles.map((handle) => handle.status())
    return statusOf(this.#parts, groups, this.#meter)
  }

  on<Name extends keyof NodeEventMap>(name: Name, listener: (...args: NodeEventMap[Name]) => void): this {
    this.#emitter().on(name, listener)
    return this
  }

  off<Name extends keyof NodeEventMap>(name: Name, listener: (...args: NodeEventMap[Name]) => void): this {
    this.#emitter().off(name, listener)
    return this
  }

  /**
   * Takes nothing new in, lets what is in flight end, closes the stores and the sockets. After it the process can exit by
   * itself. A second call waits for the first.
   */
  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(options)
    return this.#stopping
  }

  async #stop({ graceMs, onStall = 'kill' }: StopOptions): Promise<void> {
    this.#meter.stop()
    const { settings, events } = this.#parts
    const stuck = await endParts(this.#parts, graceMs ?? settings.timeouts.stopMs)
    if (stuck.length === 0) return
    const message = `${stuck.join(', ')}: in a call of the disk that does not return; such a thread cannot be ended`
    events.alarm({ code: 'STALLED', message, details: { onStall } })
    // A thread inside a native transaction keeps even process.exit() from returning. What was acknowledged is on disk.
    if (onStall === 'kill') process.kill(process.pid, 'SIGKILL')
    throw new PaxosError('STALLED', message)
  }

  [asyncDispose](): Promise<void> {
    return this.stop()
  }

  // Typed by `on` and `off` themselves: the emitter's own types do not follow a generic name.
  #emitter(): { on(name: string, listener: unknown): void; off(name: string, listener: unknown): void } {
    return this.#parts.events.emitter as never
  }
}
