import { randomBytes } from 'node:crypto'
import type { NodeId } from '../base/numbers.js'
import { CodecError } from '../codec/codec-error.js'
import { frameType, PROTOCOL_VERSIONS } from '../codec/frame.js'
import { createTransport } from '../net/create-transport.js'
import type { LinkIdentity } from '../net/link-identity.js'
import type { LinkState, Transport } from '../net/transport.js'
import { forgetLife } from '../store/last-life.js'
import { setDataAside } from '../store/set-aside.js'
import { type NodeAddress, parseAddress } from './addresses.js'
import { BirthRoom } from './birth-room.js'
import { DataHome } from './data-home.js'
import type { ErrorCode } from './error-codes.js'
import type { Genesis } from './genesis.js'
import type { Limits } from './limits.js'
import { MonotonicClock } from './monotonic-clock.js'
import { NodeEvents } from './node-events.js'
import { NodeRuntime } from './node-runtime.js'
import type { Logger } from './option-schema.js'
import { defaultThreads, limitsOf, type Settings } from './options.js'
import { PaxosError, toPaxosError } from './paxos-error.js'
import { probeStores } from './store-probe.js'
import { TimerHeap } from './timer-heap.js'
import { WorkerPool, workerModule } from './worker-pool.js'

/** Everything a started node holds; ended in reverse by `endParts`. */
export interface NodeParts {
  readonly settings: Settings
  readonly incarnation: string
  readonly home: DataHome
  readonly clock: MonotonicClock
  readonly timers: TimerHeap
  readonly events: NodeEvents
  readonly pool: WorkerPool
  readonly transport: Transport
  readonly machines: readonly number[]
  readonly genesis: Genesis
  readonly limits: Limits
  readonly runtime: NodeRuntime
}

const RECONNECT_MIN_MS = 50
const RECONNECT_MAX_MS = 1_000
const HANDSHAKE_MS = 5_000
const KEEP_ALIVE_MS = 4_000

/** What has been opened so far, to be closed again if the start fails. */
type Undo = () => Promise<void> | void

/** Damage to what a vote depends on: nobody knows what this voter has forgotten, so it never votes again. */
const ENDS_VOTER: ReadonlySet<ErrorCode> = new Set(['MANIFEST_DAMAGED', 'STORE_DAMAGED', 'GROUP_DAMAGED'])

/**
 * Starts a node. Damaged data are set aside, and the node starts as a new voter, which others have to admit; a node
 * without others, who could give it back what it had, leaves everything as it is and refuses.
 */
export async function startParts(settings: Settings, log: Logger, signal: AbortSignal): Promise<NodeParts> {
  try {
    return await startOnce(settings, log, signal)
  } catch (error) {
    const { code, message } = error as PaxosError
    if (!ENDS_VOTER.has(code) || settings.nodeIds.length === 1) throw error
    const aside = setDataAside(settings.dataDir)
    forgetLife(settings.dataDir)
    log.error({ code, aside }, `${message} What was there lies in ${aside} now; the node returns as a new voter.`)
    return startOnce(settings, log, signal)
  }
}

/** Starts part by part. If one refuses, those before it are closed again, and nothing has been written. */
async function startOnce(settings: Settings, log: Logger, signal: AbortSignal): Promise<NodeParts> {
  const undo: Undo[] = []
  try {
    return await new Starter(settings, log, signal, undo).run()
  } catch (error) {
    for (const close of undo.reverse()) await close()
    throw toPaxosError(error, 'WORKER_FAILED')
  }
}

/** Ends everything in order. Returns the threads that hang in the disk, in words; then they are left as they are. */
export async function endParts(parts: NodeParts, graceMs: number): Promise<readonly string[]> {
  const { runtime, transport, pool, clock, home } = parts
  const stuck = await runtime.stop(graceMs)
  await transport.stop()
  clock.close()
  if (stuck.length > 0) return stuck
  await pool.close()
  home.close()
  return stuck
}

class Starter {
  readonly #settings: Settings
  readonly #log: Logger
  readonly #signal: AbortSignal
  readonly #undo: Undo[]
  readonly #incarnation = randomBytes(8).toString('hex')
  readonly #clock = new MonotonicClock()
  readonly #timers = new TimerHeap(this.#clock)
  readonly #events: NodeEvents
  #runtime: NodeRuntime | undefined

  constructor(settings: Settings, log: Logger, signal: AbortSignal, undo: Undo[]) {
    this.#settings = settings
    this.#log = log
    this.#signal = signal
    this.#undo = undo
    this.#events = new NodeEvents(log)
    this.#clock.onWake(() => this.#timers.fire())
  }

  async run(): Promise<NodeParts> {
    const settings = this.#settings
    const home = DataHome.open(settings)
    this.#undo.push(() => home.close())
    this.#undo.push(() => this.#clock.close())
    const known = home.genesis?.groupCount ?? settings.wantedGroups
    const { stores } = home
    const limits = limitsOf(settings, { groups: known, stores, workers: defaultThreads(settings, stores) })
    const threads = defaultThreads(settings, Math.min(stores, known))
    const pool = new WorkerPool({
      threads,
      workerUrl: settings.testing.workerUrl ?? workerModule('group-worker'),
      heapMegabytes: settings.memory.workerHeapMegabytes,
    })
    this.#undo.push(() => pool.close())
    const machines = await pool.probe(settings.stateMachines, settings.timeouts.startMs)
    const birthRoom = new BirthRoom(settings, home, () => transport, limits, this.#log)
    const transport = this.#createTransport(home, limits, birthRoom)
    this.#undo.push(() => transport.stop())
    await transport.start()
    // Nothing has been written up to here.
    home.claim()
    birthRoom.isOpen = true
    const genesis = home.genesis ?? (await birthRoom.wait(this.#signal))
    this.#checkGroups(genesis)
    refuseDamage(home)
    await probeStores(settings.dataDir, home, genesis.groupCount, this.#log)
    const runtime = this.#createRuntime(home, genesis, limits, threads, pool, transport)
    this.#undo.push(async () => void (await runtime.stop(0)))
    const life = home.beginLife()
    this.#rememberDamage(home)
    await runtime.start()
    life.isOpen()
    // Told before the group that met it says that it has failed.
    refuseDamage(home)
    const isBirth = home.genesis === undefined
    for (const { failure } of runtime.groups) {
      if (failure === undefined) continue
      // The genesis in the manifest says that all groups were created: later a missing one has been lost.
      if (isBirth || ENDS_VOTER.has(failure.code)) throw new PaxosError(failure.code, failure.message)
    }
    if (isBirth) {
      home.adopt(genesis)
      transport.setIdentity(this.#identity(home))
    }
    this.#attach(runtime, transport)
    this.#warnIfUnknown(home, genesis)
    const common = { clock: this.#clock, timers: this.#timers, events: this.#events, incarnation: this.#incarnation }
    return { ...common, settings, home, pool, transport, machines, genesis, limits, runtime }
  }

  #createTransport(home: DataHome, limits: Limits, birthRoom: BirthRoom): Transport {
    const { nodes, nodeId, listen, clusterSecret, listener, testing } = this.#settings
    const own = listen === undefined ? (nodes.get(nodeId) as NodeAddress) : (parseAddress(listen) as NodeAddress)
    const log = this.#log
    return createTransport({
      self: this.#identity(home),
      listen: { nodeId, ...own },
      peers: [...nodes].map(([id, address]) => ({ nodeId: id, ...address })),
      clusterSecret,
      listener,
      linkBytes: limits.linkBytes,
      maxFrameBytes: limits.maxFrameBytes,
      reconnectMinMs: RECONNECT_MIN_MS,
      reconnectMaxMs: RECONNECT_MAX_MS,
      handshakeMs: HANDSHAKE_MS,
      keepAliveMs: KEEP_ALIVE_MS,
      rttMs: testing.rttMs,
      logger: log,
      random: Math.random,
      handlers: {
        onFrame: (peer, frame) => this.#frame(peer, frame, birthRoom),
        onLink: (peer, state) => this.#link(peer, state, birthRoom),
        onRefused: (reason, remote) => log.debug({ reason, remote }, 'a link was refused'),
        onDrain: () => undefined,
      },
    })
  }

  #frame(peer: NodeId, frame: Uint8Array, birthRoom: BirthRoom): void {
    try {
      if (frameType(frame) === 'control') birthRoom.receive(peer, frame)
      else this.#runtime?.receive(peer, frame)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      if (this.#runtime !== undefined) this.#runtime.router.counts.refusedFrames++
    }
  }

  #link(peer: NodeId, state: LinkState, birthRoom: BirthRoom): void {
    if (state.sendable) birthRoom.linkUp()
    else birthRoom.linkDown(peer)
    this.#runtime?.links.changed(peer, state)
  }

  #createRuntime(
    home: DataHome,
    { clusterId, voters, groupCount }: Genesis,
    limits: Limits,
    threads: number,
    pool: WorkerPool,
    transport: Transport,
  ): NodeRuntime {
    // Groups may be made only while the genesis is not stored: later a missing one has been lost.
    const isBirth = home.genesis === undefined
    return new NodeRuntime({
      settings: this.#settings,
      limits,
      clusterId,
      voterId: home.voterId,
      incarnation: this.#incarnation,
      voters,
      groups: groupCount,
      newGroups: isBirth ? Array.from({ length: groupCount }, (_, group) => group) : [],
      stores: home.stores,
      threads: Math.min(threads, groupCount),
      pool,
      wire: transport,
      clock: this.#clock,
      timers: this.#timers,
      events: this.#events,
    })
  }

  #attach(runtime: NodeRuntime, transport: Transport): void {
    this.#runtime = runtime
    for (const peer of this.#settings.nodeIds) {
      if (peer !== this.#settings.nodeId) runtime.links.changed(peer, transport.linkState(peer))
    }
    runtime.open()
  }

  /** A node without others could not come back as another voter: it goes on with what it has. */
  #rememberDamage(home: DataHome): void {
    if (this.#settings.nodeIds.length === 1) return
    this.#events.emitter.on('alarm', ({ code, message }) => {
      if (ENDS_VOTER.has(code as ErrorCode)) home.noteDamage(code, message)
    })
  }

  #identity(home: DataHome): LinkIdentity {
    const { nodeId, wantedGroups } = this.#settings
    return {
      clusterId: home.genesis?.clusterId ?? '',
      nodeId,
      voterId: home.voterId,
      incarnation: this.#incarnation,
      groupCount: home.genesis?.groupCount ?? wantedGroups,
      protocolMin: PROTOCOL_VERSIONS.min,
      protocolMax: PROTOCOL_VERSIONS.max,
    }
  }

  /** A genesis that came from a peer must fit what this node was told, before it is stored. */
  #checkGroups({ groupCount }: Genesis): void {
    const { groups } = this.#settings
    if (!('count' in groups) || groups.count === groupCount) return
    const message = `option groups: got ${groups.count}, but the cluster was created with ${groupCount}: set it to that`
    throw new PaxosError('LAYOUT_CHANGED', message)
  }

  #warnIfUnknown({ voterId }: DataHome, { voters }: Genesis): void {
    const { nodeId } = this.#settings
    if (voters.some((voter) => voter.nodeId === nodeId && voter.voterId === voterId)) return
    const message = `node ${nodeId} came without its data into a living cluster: it is a new voter, ${voterId}, does not vote, and waits to be admitted in place of the old one`
    this.#events.alarm({ code: 'VOTER_UNKNOWN', message, details: { nodeId, voterId } })
  }
}

function refuseDamage({ foundDamage }: DataHome): void {
  if (foundDamage !== undefined) throw new PaxosError(foundDamage.code as ErrorCode, foundDamage.message)
}
