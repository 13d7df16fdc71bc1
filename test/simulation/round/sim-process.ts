import type { GroupIndex, Millis, NodeId } from '../../../src/base/numbers.js'
import type { GroupStatus } from '../../../src/codec/worker-records.js'
import type { WorkerStore } from '../../../src/codec/worker-task.js'
import type { VoterId } from '../../../src/core/membership.js'
import type { HostedGroup } from '../../../src/host/hosted-group.js'
import type { Limits } from '../../../src/host/limits.js'
import { PeersStatus, STATUS_INTERVAL_MS } from '../../../src/host/peers-status.js'
import { Router } from '../../../src/host/router.js'
import { allocateSequences } from '../../../src/ring/sequences.js'
import { isStoreError } from '../../../src/store/store-error.js'
import { workerStore } from '../../support/worker-policies.js'
import type { Endpoint } from './frame-network.js'
import type { RoundWorld } from './round-world.js'
import { VirtualDisk } from './virtual-disk.js'
import { WorkerLife } from './worker-life.js'

/** One process of the cluster: the host's part in a few lines, around the real router and one worker. */
export class SimProcess implements Endpoint {
  readonly nodeId: NodeId
  readonly world: RoundWorld
  readonly stores: readonly WorkerStore[]
  up = false
  voterId: VoterId
  incarnation = ''
  worker: WorkerLife | undefined
  router!: Router
  sequences!: SharedArrayBuffer
  readonly statuses = new Map<GroupIndex, GroupStatus>()
  private readonly disks = new Map<string, VirtualDisk>()
  private readonly linked = new Set<NodeId>()
  private peersStatus!: PeersStatus
  /** All groups were created here once: from then on a missing one is damage. */
  private isBorn = false
  private starts = 0
  private clockOffset = 0
  private clockRate = 1

  constructor(nodeId: NodeId, world: RoundWorld) {
    this.nodeId = nodeId
    this.world = world
    this.voterId = voterIdOf(nodeId, 0)
    const { groups, stores } = world.plan
    this.stores = Array.from({ length: stores }, (_, store) => {
      const members = Array.from({ length: groups }, (_, group) => group).filter((group) => group % stores === store)
      return workerStore(`node-${nodeId}/store-${store}`, members)
    })
    for (const { path } of this.stores) this.disks.set(path, new VirtualDisk())
  }

  diskAt(path: string): VirtualDisk {
    return this.disks.get(path) as VirtualDisk
  }

  /** This node's monotonic clock: another zero and another rate in every life. */
  clockAt(elapsedMs: number): Millis {
    return this.clockOffset + (this.world.queue.now + elapsedMs) * this.clockRate
  }

  toVirtual(localMs: number): number {
    return localMs / this.clockRate
  }

  get hasFailedStore(): boolean {
    return this.worker?.round.hosts.some((host) => host.store.failure !== undefined) ?? false
  }

  /** False if it could not. */
  start(): boolean {
    const { random } = this.world
    this.starts++
    this.incarnation = `${this.nodeId.toString(16)}${this.starts.toString(16).padStart(8, '0')}`.padStart(16, '0')
    this.clockOffset = random.below(1_000_000)
    this.clockRate = random.between(0.9, 1.1)
    this.sequences = allocateSequences(this.stores.flatMap(({ groups }) => groups))
    this.linked.clear()
    this.statuses.clear()
    this.makeHost()
    this.world.trace(this.nodeId, 0, () => `starts, life ${this.starts}`)
    this.up = true
    if (!this.startSound()) {
      this.up = false
      return false
    }
    this.tickStatus(this.starts)
    return true
  }

  /** As the host does: what damages a vote is set aside before the groups take part in anything, and a new voter starts. */
  private startSound(): boolean {
    for (let tries = 0; tries < 2; tries++) {
      const code = this.startWorker()
      if (!this.up) return false
      const { worker } = this
      if (worker !== undefined && !worker.damaged) {
        // A genesis is kept only when all groups are there: until then a store that fails refuses the start.
        this.isBorn ||= worker.round.hosts.every((host) => host.core !== undefined)
        if (this.isBorn) return true
      }
      this.endWorker()
      if (worker?.damaged !== true && code !== 'STORE_DAMAGED') return false
      this.replaceDisks()
    }
    return false
  }

  /** The process is gone, and all that it had not flushed. */
  crash(): void {
    if (!this.up) return
    this.world.trace(this.nodeId, 0, () => 'crashes')
    this.world.crashes++
    this.up = false
    this.endWorker()
    // Sometimes the machine went with it. Damage as well would be two faults at once.
    const { random, damage } = this.world
    if (!damage.isHit(this.nodeId) && random.chance(0.5)) for (const disk of this.disks.values()) disk.losePower(random)
    this.world.network.died(this.nodeId)
  }

  /** Ends in good order, if nothing comes in between. */
  stop(): void {
    if (this.worker?.port.stop() !== true) return
    this.world.trace(this.nodeId, 0, () => 'is being stopped')
    this.worker.port.publish()
    this.worker.wake()
  }

  /** The thread is gone and the process goes on: another one is started in its place. */
  loseWorker(): void {
    if (this.worker === undefined) return
    this.world.trace(this.nodeId, 0, () => 'loses its worker')
    this.endWorker()
    this.retryWorker(this.starts)
  }

  /** The node comes back with an empty disk: as another voter, which is none. */
  replaceDisks(): void {
    this.world.count('voter ends')
    this.world.trace(this.nodeId, 0, () => 'ends as a voter: its disks are empty now')
    for (const disk of this.disks.values()) disk.wipe()
    this.isBorn = false
    this.voterId = voterIdOf(this.nodeId, this.starts)
    this.world.observer.forget(this.nodeId)
  }

  receive(from: NodeId, frame: Uint8Array): void {
    this.router.receive(from, frame)
    this.worker?.port.publish()
    this.worker?.wake()
  }

  linkChanged(peer: NodeId, up: boolean): void {
    if (up) this.linked.add(peer)
    else this.linked.delete(peer)
    this.tellLink(peer, up)
    if (up) this.tellStatus(peer)
  }

  statusOf(status: GroupStatus): void {
    this.statuses.set(status.group, status)
    this.peersStatus.changed(this.groupView(status.group))
  }

  /** Why there is none, if a store does not open. */
  private startWorker(): string | undefined {
    const groups = this.stores.flatMap((store) => store.groups)
    try {
      // It enters itself here: faults may strike while it is being built.
      new WorkerLife(this, this.isBorn ? [] : groups).drain()
    } catch (error) {
      if (!this.up) return undefined
      this.endWorker()
      if (!isStoreError(error)) throw error
      this.world.trace(this.nodeId, 0, () => `does not start: ${error.code}`)
      this.world.startFailed(this, error.code)
      return error.code
    }
    for (const peer of this.linked) this.tellLink(peer, true)
    return undefined
  }

  private retryWorker(start: number): void {
    const { queue, random } = this.world
    queue.after(random.between(5, 300), () => {
      if (!this.up || this.starts !== start || this.worker !== undefined) return
      if (this.startWorker() !== undefined) this.retryWorker(start)
    })
  }

  private endWorker(): void {
    if (this.worker !== undefined) this.worker.isDead = true
    this.worker = undefined
    this.statuses.clear()
    this.world.workload.workerDied(this)
  }

  private makeHost(): void {
    const { nodeIds, network, limits } = this.world
    const wire = {
      send: (peer: NodeId, frame: Uint8Array) =>
        network.send(this.nodeId, peer, frame, this.worker?.elapsedMs ?? 0) ? ('sent' as const) : ('down' as const),
    }
    // Of the limits it needs those of frames and messages alone.
    this.router = new Router(
      nodeIds,
      this.nodeId,
      wire,
      limits as Limits,
      (group) => (this.stores.some((store) => store.groups.includes(group)) ? this.worker?.port : undefined),
      {
        out: (peer) => this.peersStatus.lost(peer),
        in: (group) => {
          const view = this.groupViews.find(({ index }) => index === group)
          if (view !== undefined) this.peersStatus.changed(view)
        },
      },
    )
    const peers = nodeIds.filter((peer) => peer !== this.nodeId)
    const views = this.stores.flatMap((store) => store.groups).map((group) => this.groupView(group))
    this.groupViews = views
    this.peersStatus = new PeersStatus(
      peers,
      views,
      (to, group, message) => this.router.send(to, group, message),
      () => undefined,
    )
  }

  private groupViews: readonly HostedGroup[] = []

  private groupView(group: GroupIndex): HostedGroup {
    const known = this.groupViews.find((view) => view.index === group)
    if (known !== undefined) return known
    const process = this
    // The two fields that the exchange of status reads.
    return {
      index: group,
      get status() {
        return process.statuses.get(group)
      },
    } as unknown as HostedGroup
  }

  private tellLink(peer: NodeId, up: boolean): void {
    if (this.worker === undefined) return
    this.worker.port.link({ peer, voterId: this.world.process(peer).voterId, up })
    this.worker.port.publish()
    this.worker.wake()
  }

  private tellStatus(peer: NodeId): void {
    this.peersStatus.connected(peer)
    this.router.flush()
  }

  private tickStatus(start: number): void {
    this.world.queue.after(this.toVirtual(STATUS_INTERVAL_MS), () => {
      if (!this.up || this.starts !== start) return
      this.peersStatus.tick((peer) => this.linked.has(peer))
      for (const peer of this.linked) if (this.world.network.takeLossy(this.nodeId, peer)) this.tellStatus(peer)
      this.router.flush()
      this.tickStatus(start)
    })
  }
}

export function voterIdOf(nodeId: NodeId, life: number): VoterId {
  return (nodeId * 65536 + life).toString(16).padStart(16, '0')
}
