import type { GroupIndex, Instance, NodeId } from '../base/numbers.js'
import type { GroupCommand, GroupState, Link, WorkerEvent } from '../codec/worker-records.js'
import { WORKER_STAGES } from '../codec/worker-stages.js'
import { allocateDoorbell, Doorbell } from '../ring/doorbell.js'
import { CheckpointPool } from './checkpoint-pool.js'
import { CheckpointRuns } from './checkpoint-runs.js'
import type { ErrorCode } from './error-codes.js'
import { HostedGroup } from './hosted-group.js'
import { Links } from './links.js'
import { MainMeter } from './main-meter.js'
import type { MonotonicClock } from './monotonic-clock.js'
import type { NodeEvents } from './node-events.js'
import { cheapError, type Outcome, PaxosError } from './paxos-error.js'
import { PeersStatus, STATUS_INTERVAL_MS } from './peers-status.js'
import { Ports } from './ports.js'
import { Router, type Wire } from './router.js'
import { StageSampler } from './stage-sampler.js'
import { SyncSwitch } from './sync-switch.js'
import type { TimerHeap } from './timer-heap.js'
import { TurnLoop } from './turn-loop.js'
import { WorkerLives } from './worker-lives.js'
import type { WorkerPool } from './worker-pool.js'
import { HEAD_BYTES } from './worker-port.js'
import { WorkerSlot } from './worker-slot.js'
import { type TaskSource, WorkerTasks } from './worker-tasks.js'

export interface RuntimeOptions extends TaskSource {
  /** Groups that may be created, because they have never been here; a missing one that is not among them is damaged. */
  readonly newGroups: readonly number[]
  readonly pool: WorkerPool
  readonly wire: Wire
  readonly clock: MonotonicClock
  readonly timers: TimerHeap
  readonly events: NodeEvents
}

/** A born node at work: its groups, its workers, and what goes between them and the peers. */
export class NodeRuntime {
  readonly groups: readonly HostedGroup[]
  readonly slots: readonly WorkerSlot[]
  readonly router: Router
  readonly links: Links
  readonly loop: TurnLoop<WorkerSlot>
  readonly lives: WorkerLives
  readonly meter: MainMeter
  readonly ports: Ports
  readonly sync: SyncSwitch<WorkerSlot>
  readonly #options: RuntimeOptions
  readonly #status: PeersStatus
  readonly #tasks: WorkerTasks
  readonly #checkpointPool: CheckpointPool
  readonly #checkpointRuns: CheckpointRuns
  #newGroups: readonly number[]
  readonly #slotOf = new Map<HostedGroup, WorkerSlot>()
  /** The newest checkpoint of a group that the application was told of. */
  readonly #checkpointsAt = new Map<HostedGroup, Instance>()
  /** What a group's worker last complained of: why it failed, should it say that it did. */
  readonly #complaints = new Map<HostedGroup, { code: ErrorCode; message: string }>()

  constructor(options: RuntimeOptions) {
    const { settings, limits, groups, threads, timers, clock, wire } = options
    this.#options = options
    this.#newGroups = options.newGroups
    const hostBell = allocateDoorbell()
    this.meter = new MainMeter(clock.now)
    const around = {
      timers,
      now: clock.now,
      wrote: () => this.loop.wrote(),
      aborted: () => undefined,
      tune: (index: GroupIndex, command: GroupCommand) => {
        this.#slotOf.get(this.groups[index] as HostedGroup)?.port?.tune(index, command)
        this.loop.wrote()
      },
      reachesMajority: () => this.links.reachesMajority(),
    }
    this.groups = Array.from({ length: groups }, (_, index) => new HostedGroup(index, settings.admission, around))
    const { nodeIds, nodeId } = settings
    this.router = new Router(nodeIds, nodeId, wire, limits, (group) => this.groups[group]?.port, {
      out: (peer) => this.#status.lost(peer),
      in: (index) => {
        const group = this.groups[index]
        if (group !== undefined) this.#status.changed(group)
      },
    })
    this.links = new Links(
      nodeId,
      (link) => this.#tellLink(link),
      (peer) => this.#connected(peer),
    )
    this.links.voters = options.voters
    this.#tasks = new WorkerTasks(options)
    this.slots = Array.from({ length: threads }, (_, index) => this.#slot(index))
    this.sync = new SyncSwitch(settings.sync, this.slots, ({ port }, command) => {
      port?.tuneWorker(command)
      this.loop.wrote()
    })
    const bell = new Doorbell(hostBell)
    this.loop = new TurnLoop(this.slots, this.groups, this.router, this.meter, bell, (slot, error) =>
      this.lives.condemn(slot, 'RING_CORRUPT', String((error as { message?: unknown }).message)),
    )
    this.ports = new Ports({
      slots: this.slots,
      groups: this.groups,
      clock,
      ringBytes: settings.memory.portRingBytes,
      maxPorts: limits.maxPorts,
      reachesMajority: around.reachesMajority,
      wrote: this.loop.wrote,
    })
    this.#checkpointPool = new CheckpointPool({
      threads: settings.checkpoints.threads,
      heapMegabytes: settings.memory.checkpointHeapMegabytes ?? settings.memory.workerHeapMegabytes,
    })
    this.#checkpointRuns = new CheckpointRuns(
      this.#checkpointPool,
      (group, request) => this.#tasks.checkpointJob(group.index, request),
      options.events,
      this.loop.wrote,
    )
    const { onStages } = settings.testing
    if (onStages !== undefined) {
      this.loop.sampler = new StageSampler(this.slots)
      onStages(this.loop.sampler)
    }
    this.#status = this.#peersStatus(timers, clock)
    this.lives = this.#workerLives(hostBell)
  }

  /** Resolves when all groups are there and loaded; they take no part in anything before `open`. */
  async start(): Promise<void> {
    this.loop.start()
    await this.lives.start()
    this.#newGroups = []
  }

  /** From here on the groups hear their peers and their callers. */
  open(): void {
    this.lives.open()
    this.loop.soon()
  }

  /** The callers' end; then the threads'. Returns those that cannot be ended, in words: they hang in the disk. */
  async stop(graceMs: number): Promise<readonly string[]> {
    const deadline = this.#options.clock.now() + graceMs
    for (const group of this.groups) group.stopped = true
    this.ports.stopping()
    const hasWaiting = () => this.ports.hasWaiting || this.groups.some((group) => group.hasWaiting)
    while (hasWaiting() && this.#options.clock.now() < deadline) await sleep(5)
    const ended = (outcome: Outcome) => cheapError('NODE_STOPPED', 'the node has been stopped', { outcome })
    for (const group of this.groups) group.endAll(ended)
    this.sync.endAll(new PaxosError('NODE_STOPPED', 'the node has been stopped'))
    this.ports.stop()
    const leftMs = Math.max(500, deadline - this.#options.clock.now())
    const [workers, checkpoints] = await Promise.all([
      this.lives.stop(leftMs),
      this.#checkpointPool.stop(leftMs + this.#options.settings.timeouts.diskStallMs),
    ])
    this.loop.stop()
    return [
      ...workers.map(({ index }) => `worker ${index}`),
      ...checkpoints.map((group) => `the checkpoint thread of group ${group}`),
    ]
  }

  /** A control frame has gone elsewhere: this is a frame of the protocol. */
  receive(from: NodeId, frame: Uint8Array): void {
    const began = this.meter.now()
    this.router.receive(from, frame)
    this.loop.wrote()
    this.meter.times.receiveMs += this.meter.now() - began
  }

  #slot(index: number): WorkerSlot {
    const { timers } = this.#options
    const members = this.#tasks.groupsOf(index).map((group) => this.groups[group] as HostedGroup)
    const slot = new WorkerSlot(index, members, this.router, timers, this.meter, {
      status: (group) => this.#reported(slot, group),
      event: (from, group, event) => this.#event(from, group, event),
      opened: (opened) => this.ports.opened(opened),
      ended: (ended) => this.ports.ended(ended),
    })
    for (const group of members) this.#slotOf.set(group, slot)
    return slot
  }

  #peersStatus(timers: TimerHeap, clock: MonotonicClock): PeersStatus {
    const { nodeIds, nodeId } = this.#options.settings
    const tick = timers.slot(() => {
      this.#status.tick((peer) => this.links.isUp(peer))
      this.router.flush()
    })
    return new PeersStatus(
      nodeIds.filter((id) => id !== nodeId),
      this.groups,
      (to, group, message) => this.router.send(to, group, message),
      () => {
        if (!timers.isSet(tick)) timers.set(tick, clock.now() + STATUS_INTERVAL_MS)
      },
    )
  }

  #workerLives(hostBell: SharedArrayBuffer): WorkerLives {
    const { settings, limits, pool, timers, clock, events } = this.#options
    const { memory, timeouts } = settings
    return new WorkerLives({
      pool,
      slots: this.slots,
      timers,
      hostBell,
      ringBytes: {
        control: memory.controlRingBytes,
        command: memory.commandRingBytes,
        outbox: memory.outboxRingBytes,
      },
      portBounds: { maxMessageBytes: limits.maxMessageBytes + HEAD_BYTES, largeBytes: limits.linkBytes },
      bounds: timeouts,
      stages: settings.testing.onStages === undefined ? 0 : WORKER_STAGES.length,
      maxRestartMs: timeouts.maxRestartMs,
      now: clock.now,
      taskOf: ({ index }, rings, changes) =>
        this.#tasks.workerTask(index, rings, changes, clock.now(), this.#newGroups, this.sync.mode),
      events: {
        began: (slot) => {
          for (const link of this.links.all()) slot.port?.link(link)
          for (const group of slot.groups)
            for (const command of group.standingCommands) slot.port?.tune(group.index, command)
          this.sync.began(slot)
        },
        ready: () => this.loop.soon(),
        lost: (slot, error, retryMs) => this.#lost(slot, error, retryMs),
        late: (ms) => {
          const message = `the thread of the application, and with it this node, stood still for ${Math.round(ms)} ms`
          events.alarm({ code: 'LOOP_DELAYED', message, details: { ms } })
        },
        stalled: (slot) => this.#stalled(slot, true),
        recovered: (slot) => {
          this.#stalled(slot, false)
          events.alarm({
            code: 'STALLED',
            message: `worker ${slot.index}: its commit has ended`,
            details: { over: true },
          })
        },
      },
    })
  }

  #tellLink(link: Link): void {
    for (const { port } of this.slots) port?.link(link)
    this.ports.linksChanged()
    this.loop.wrote()
  }

  #connected(peer: NodeId): void {
    this.#status.connected(peer)
    this.router.flush()
  }

  #reported(slot: WorkerSlot, group: HostedGroup): void {
    const status = group.status
    if (status === undefined) return
    // A stalled worker says nothing: what is read here was said before.
    if (!this.lives.supervisor.isStalled(slot)) this.#setState(group, status.state)
    this.#status.changed(group)
    this.lives.reported(slot)
  }

  #setState(group: HostedGroup, state: GroupState): void {
    if (group.state === state) return
    const before = group.state
    group.state = state
    if (state === 'failed') {
      const message = 'the group has failed on this node; the alarm says why'
      group.failure = this.#complaints.get(group) ?? { code: 'GROUP_FAILED', message }
      const { code, message: why } = group.failure
      group.endQueued((outcome) => cheapError(code, why, { outcome }))
    } else if (state !== 'stalled') {
      group.failure = undefined
    }
    this.ports.failed(group)
    this.#options.events.groupState({ group: group.index, state, before })
  }

  #event(slot: WorkerSlot, group: HostedGroup | undefined, event: WorkerEvent): void {
    const { events } = this.#options
    const about = group === undefined ? {} : { group: group.index }
    if (event.kind === 'log') {
      events.log[event.level]({ worker: slot.index, ...about, ...event.fields }, event.message)
    } else if (event.kind === 'alarm') {
      const message = `${group === undefined ? `worker ${slot.index}` : `group ${group.index}`}: ${String(event.fields.message ?? event.code)}`
      if (group !== undefined) this.#complaints.set(group, { code: event.code as ErrorCode, message })
      events.alarm({ code: event.code, message, ...about, details: event.fields })
    } else if (event.kind === 'sync-set') {
      const { failure } = event
      const why = failure && new PaxosError(failure.code as ErrorCode, `worker ${slot.index}: ${failure.message}`)
      this.sync.answered(slot, event.asked, why)
    } else if (group !== undefined) {
      this.#checkpointEvent(slot, group, event)
    }
  }

  #checkpointEvent(slot: WorkerSlot, group: HostedGroup, event: WorkerEvent): void {
    if (event.kind === 'take') {
      this.#checkpointRuns.take(slot, group, event.request)
    } else if (event.kind === 'take-refused') {
      const message = `group ${group.index}: no checkpoint can be made: ${event.message}`
      group.checkpoints.failed(event.asked, new PaxosError('CHECKPOINT_FAILED', message))
    } else if (event.kind === 'checkpoint') {
      const { instance, bytes, asked } = event
      group.checkpoints.made(instance, asked)
      // It may only say that the one asked for was there already.
      if (this.#checkpointsAt.get(group) === instance) return
      this.#checkpointsAt.set(group, instance)
      this.#options.events.checkpoint({ group: group.index, instance, bytes })
    }
  }

  #lost(slot: WorkerSlot, error: PaxosError, retryMs: number): void {
    const groups = slot.groups.map((group) => group.index)
    this.#options.events.alarm({
      code: error.code,
      message: `${error.message}; groups ${groups.join(', ')} are started again in ${retryMs} ms`,
      details: { groups, retryMs },
    })
    for (const group of slot.groups) this.#setState(group, 'restarting')
    this.loop.soon()
  }

  #stalled(slot: WorkerSlot, stalled: boolean): void {
    const { events } = this.#options
    const paths = this.#tasks.logPathsOf(slot.index)
    const message = `worker ${slot.index}: a commit does not end, in ${paths.join(', ')}`
    if (stalled) events.alarm({ code: 'STALLED', message, details: { paths } })
    for (const group of slot.groups) {
      group.failure = stalled ? { code: 'STALLED', message } : undefined
      // No frames for a group that cannot vote: its peers take over.
      group.port = stalled ? undefined : slot.port
      this.ports.failed(group)
      this.#setState(group, stalled ? 'stalled' : (group.status?.state ?? 'running'))
      // What its peers said meanwhile is lost.
      if (!stalled) this.#status.changed(group)
    }
    this.loop.soon()
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
