import type { GroupIndex, Millis } from '../../../src/base/numbers.js'
import { limitsFor } from '../../../src/codec/limits.js'
import { decodeMessage } from '../../../src/codec/messages.js'
import type { PortChange } from '../../../src/codec/port-news.js'
import { WORKER_COUNTERS } from '../../../src/codec/worker-counters.js'
import {
  decodeDetail,
  GROUP_HEAD_BYTES,
  type GroupStatus,
  RECORD_KIND,
  ReplyReader,
  readEnded,
  readGroupHead,
  readQueryReply,
  readStatus,
  readTimer,
  SendRecord,
  type WorkerEvent,
} from '../../../src/codec/worker-records.js'
import type { WorkerStore, WorkerTask } from '../../../src/codec/worker-task.js'
import type { Group } from '../../../src/core/group.js'
import type { Input } from '../../../src/core/input.js'
import { TIMER_KINDS } from '../../../src/core/timers.js'
import { WorkerPort } from '../../../src/host/worker-port.js'
import { allocateDoorbell, Doorbell } from '../../../src/ring/doorbell.js'
import { WorkerGate } from '../../../src/ring/gate-word.js'
import { allocatePortMemory, openPortEnd, type PortEnd, type PortMemory } from '../../../src/ring/port-memory.js'
import { RingProducer } from '../../../src/ring/ring-producer.js'
import { allocateTally } from '../../../src/ring/tally.js'
import {
  allocateWorkerMemory,
  dueIndex,
  openHostEnd,
  openWorkerEnd,
  type WorkerMemory,
} from '../../../src/ring/worker-memory.js'
import { LmdbLogStore } from '../../../src/store/lmdb-log-store.js'
import type { LogStore } from '../../../src/store/log-store.js'
import { buildWorker, storeGate } from '../../../src/worker/build-worker.js'
import type { Clock } from '../../../src/worker/clock.js'
import type { Round } from '../../../src/worker/round.js'
import { QUIET_POLICIES } from '../../support/worker-policies.js'
import { Alarms } from './alarms.js'
import { DAMAGE_CODES } from './damage.js'
import { Drive, type DriveUser } from './drive.js'
import { type MachineWatch, type SimCommand, simMachine } from './machine.js'
import { ObservedStore } from './observed-store.js'
import type { CoreHome } from './observer.js'
import type { RoundWorld } from './round-world.js'
import { mount } from './sim-environment.js'
import type { SimProcess } from './sim-process.js'
import { HOST, PORTED, type Source } from './workload.js'

/** How long the thread of the application lets answers lie. */
const PORT_LATE_MS = 5
/** Not many of them have room. */
const PORT_RING_BYTES = 512

/** Ends what runs in a process at the place where it dies. Whoever catches it finds nothing that still works. */
class ProcessDied extends Error {}

/** A gate that lets the host have a turn, as another thread would, wherever the worker shows progress. */
class YieldingGate extends WorkerGate {
  private readonly yielded: () => void

  constructor(memory: SharedArrayBuffer, yielded: () => void) {
    super(memory)
    this.yielded = yielded
  }

  override progress(): void {
    super.progress()
    this.yielded()
  }
}

/** An outbox whose full ring is emptied by the host instead of being waited for. */
class YieldingOutbox extends RingProducer {
  private readonly yielded: () => void

  constructor(memory: SharedArrayBuffer, bell: Doorbell, yielded: () => void) {
    super(memory, bell)
    this.yielded = yielded
  }

  override waitForSpace(length: number): boolean {
    this.publish()
    this.yielded()
    return this.hasSpaceFor(length)
  }
}

/** One life of a group worker: the real round on real rings, driven by events instead of a thread of its own. */
export class WorkerLife implements DriveUser, MachineWatch {
  readonly port: WorkerPort
  /** That of a thread of the application, which is slow to read. */
  readonly ported: WorkerPort<PortEnd>
  readonly round: Round
  readonly alarms = new Alarms()
  isDead = false
  /** Something that a vote depends on is lost. */
  damaged = false
  /** How far this life is ahead of the event that runs. */
  elapsedMs = 0
  private readonly process: SimProcess
  private readonly world: RoundWorld
  private readonly memory: WorkerMemory
  private readonly task: WorkerTask<WorkerMemory>
  private readonly replies = new ReplyReader()
  private readonly sendRecord = new SendRecord()
  private readonly timers = new Map<number, number>()
  /** Stores that failed in this life and were not opened again: none of their groups may take a step. */
  private readonly failed = new Set<string>()
  private readonly groupsOf = new Map<string, readonly GroupIndex[]>()
  private inRound = false
  private busy = false
  private scheduled = false
  private wanted = false

  /** Throws StoreError if a store does not open. */
  constructor(process: SimProcess, createGroups: readonly GroupIndex[]) {
    this.process = process
    this.world = process.world
    const { plan } = this.world
    const groups = process.stores.flatMap((store) => store.groups)
    this.memory = allocateWorkerMemory({
      controlBytes: plan.ringBytes,
      commandBytes: plan.ringBytes,
      outboxBytes: plan.ringBytes,
      groups: groups.length,
      timersPerGroup: TIMER_KINDS.length,
      counterNames: WORKER_COUNTERS,
      hostBell: allocateDoorbell(),
    })
    this.task = this.makeTask(createGroups)
    const { maxMessageBytes } = this.task.limits
    this.port = new WorkerPort(openHostEnd(this.memory), { maxMessageBytes: maxMessageBytes + 64, largeBytes: 1 << 20 })
    const rings = allocatePortMemory(PORT_RING_BYTES, { workerBell: this.memory.bell, portBell: allocateDoorbell() })
    this.ported = new WorkerPort(openPortEnd(rings), { maxMessageBytes: maxMessageBytes + 64, largeBytes: 1 << 20 })
    const changes: PortChange<PortMemory>[] = [{ kind: 'open', port: 1, memory: rings }]
    this.port.portsChanged()
    this.port.publish()
    const yielded = () => this.hostTurn()
    const opened = openWorkerEnd(this.memory)
    const end = {
      ...opened,
      gate: new YieldingGate(this.memory.gate, yielded),
      outbox: new YieldingOutbox(this.memory.outbox, new Doorbell(this.memory.hostBell), yielded),
    }
    const clock: Clock = { now: () => this.readClock() }
    process.worker = this
    this.inRound = true
    try {
      const { round, place } = buildWorker(this.task, {
        end,
        clock,
        watch: { now: () => this.now },
        machines: [simMachine(this)],
        nextPortChange: () => changes.shift(),
        openLog: (store) => this.openLog(store, storeGate(end.gate)),
        openState: () => {
          throw new Error('the simulated machine keeps its state in memory')
        },
      })
      this.round = round
      round.start(new Set(createGroups))
      place.outbox.publish()
    } finally {
      this.inRound = false
    }
    if (this.isDead) return
    this.rest(true)
  }

  get now(): Millis {
    return this.process.clockAt(this.elapsedMs)
  }

  homeOf(core: Group): CoreHome | undefined {
    if (this.isDead || this.round === undefined) return undefined
    const host = this.round.hosts.find((candidate) => candidate.core === core)
    if (host === undefined) return undefined
    const { group, store } = host
    return {
      node: this.process.nodeId,
      group,
      checkInput: (input: Input, now: number) => {
        if (this.failed.has(store.path)) throw new Error(`group ${group} takes a step after its store failed`)
        this.world.workload.checkClock(this.process.nodeId, host, input, now)
      },
    }
  }

  /** Something of the host's lies in a ring, or in parts before it. */
  get hasUnread(): boolean {
    return !this.round.stillEmpty() || this.port.isFull || this.ported.isFull
  }

  /** A round is wanted. */
  wake(delayMs = 0): void {
    if (this.isDead) return
    if (this.busy || this.inRound) {
      this.wanted = true
      return
    }
    if (this.scheduled) return
    this.scheduled = true
    const { random, network, queue } = this.world
    let delay = delayMs + (random.chance(0.03) ? random.between(0, 10) : random.between(0, 0.1))
    if (network.isSlow(this.process.nodeId)) delay += random.between(5, 100)
    queue.after(delay, () => {
      if (this.isDead) return
      this.scheduled = false
      this.turn()
    })
  }

  /** Reads what the worker has published, or the first `limit` records of it. */
  drain(limit = Number.POSITIVE_INFINITY): void {
    const { outbox, end } = this.port
    end.outbox.snapshot()
    for (let left = limit; left > 0 && !this.isDead && outbox.next(); left--) {
      this.take(outbox.kind, outbox.view, outbox.bytes, outbox.offset, outbox.length)
    }
    outbox.release()
    this.process.router.flush()
  }

  private drainPorted(): void {
    const { outbox, end } = this.ported
    end.outbox.snapshot()
    while (!this.isDead && outbox.next()) {
      this.answer(PORTED, outbox.kind, outbox.view, outbox.bytes, outbox.offset, outbox.length)
    }
    outbox.release()
    this.wake()
  }

  mayDie(): void {
    if (!this.inRound || this.isDead) return
    const { random, faults } = this.world
    if (!random.chance(faults.crashInRound)) return
    // The host was reading along: a part of what was published has left.
    if (random.chance(0.5)) this.drain(random.below(6))
    this.world.count('crash in a round')
    this.process.crash()
    throw new ProcessDied('the process died here')
  }

  committing(): void {
    this.drain()
  }

  committed(): void {
    this.elapsedMs += this.world.commitMs(this.process.nodeId)
  }

  failing(path: string, code: 'STORAGE_FAILED' | 'DISK_FULL'): void {
    this.world.count(code)
    if (this.round === undefined || this.failed.has(path)) return
    this.failed.add(path)
    for (const host of this.round.hosts) {
      if (host.store.path === path && host.phase !== 'silent') this.alarms.expect(host.group, code)
    }
  }

  opened(path: string): void {
    this.failed.delete(path)
  }

  created(): void {
    this.mayDie()
  }

  executes(command: SimCommand, position: number): void {
    if (this.isDead) return
    this.mayDie()
    const { world, process } = this
    const { random, faults } = world
    this.elapsedMs += random.chance(faults.slowCommand) ? random.between(1, 60) : 0.002
    if (random.chance(faults.machineThrows)) {
      world.count('machine throws')
      this.alarms.expect(command.group, 'EXECUTE_FAILED')
      throw new Error('the machine is faulty')
    }
    world.observer.check(() => world.executed.execute(process.nodeId, command.group, position, command.id))
  }

  private readClock(): Millis {
    const { now } = this
    if (this.inRound) {
      this.elapsedMs += this.world.random.between(0, 0.01)
      this.mayDie()
      // The host is another thread: a caller may come in between any two steps of the worker, this one and the next too.
      this.world.workload.interject(this.process)
    }
    return now
  }

  private hostTurn(): void {
    if (this.isDead) return
    this.mayDie()
    this.drain()
  }

  private turn(): void {
    const { world } = this
    let more = false
    this.wanted = false
    this.inRound = true
    this.elapsedMs = 0
    try {
      more = this.round.run()
      if (this.round.isStopping) this.round.finish()
      world.rounds++
    } catch (error) {
      if (!this.isDead) world.violated(error)
      return
    } finally {
      this.inRound = false
    }
    if (!this.isDead) this.rest(more)
  }

  /** What a round did in one event takes its time, and only then is the rest of its output seen. */
  private rest(more: boolean): void {
    this.busy = true
    const tookMs = this.elapsedMs
    this.elapsedMs = 0
    this.world.queue.after(tookMs, () => {
      if (!this.isDead) this.roundEnded(more)
    })
  }

  private roundEnded(more: boolean): void {
    this.busy = false
    this.drain()
    this.world.observer.check(() => this.alarms.checkAllCame())
    if (this.round.isStopping) {
      this.world.observer.check(() => this.world.workload.checkNobodyWaits(this.process))
      this.process.crash()
      return
    }
    for (const port of [this.port, this.ported]) {
      port.beginTurn()
      port.publish()
    }
    if (!this.ported.end.outbox.isEmpty()) this.later(PORT_LATE_MS, () => this.drainPorted())
    if (more || this.wanted || !this.round.stillEmpty()) {
      this.wake()
      return
    }
    const parkMs = this.round.parkMs()
    if (parkMs < Number.POSITIVE_INFINITY) this.later(parkMs, () => this.wake())
  }

  /** `localMs` from now by this node's clock, if this life lasts. */
  private later(localMs: number, action: () => void): void {
    this.world.queue.after(this.elapsedMs + this.process.toVirtual(localMs), () => {
      if (!this.isDead) action()
    })
  }

  private take(kind: number, view: DataView, bytes: Uint8Array, offset: number, length: number): void {
    const { process } = this
    switch (kind) {
      case RECORD_KIND.send:
        this.checkSend(view, bytes, offset, length)
        process.router.route(view, bytes, offset, length)
        return
      case RECORD_KIND.timer:
        this.setTimer(view, offset, length)
        return
      case RECORD_KIND.status:
        this.status(readStatus(view, offset, length))
        return
      case RECORD_KIND.event: {
        const event = decodeDetail(bytes, offset + GROUP_HEAD_BYTES, length - GROUP_HEAD_BYTES) as WorkerEvent
        this.event(readGroupHead(view, offset, length), event)
        return
      }
      default:
        this.answer(HOST, kind, view, bytes, offset, length)
    }
  }

  private answer(
    source: Source,
    kind: number,
    view: DataView,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const { process, world } = this
    const { workload } = world
    switch (kind) {
      case RECORD_KIND.reply:
        this.replies.read(view, bytes, offset, length)
        world.observer.check(() => workload.replied(process, source, this.replies))
        return
      case RECORD_KIND.ended:
        world.observer.check(() => workload.ended(process, source, readEnded(view, offset, length)))
        return
      case RECORD_KIND.queryReply:
        world.observer.check(() =>
          workload.queryReplied(process, source, readQueryReply(view, offset, length), bytes, offset, length),
        )
        return
      default:
        world.violated(new Error(`a record of kind ${kind} in an outbox`))
    }
  }

  private checkSend(view: DataView, bytes: Uint8Array, offset: number, length: number): void {
    const { world, process } = this
    const record = this.sendRecord
    record.read(view, offset, length)
    const { maxMessageBytes } = this.task.limits
    world.observer.check(() => {
      const bounds = { maxMessageBytes, maxValueBytes: maxMessageBytes }
      const message = decodeMessage(bytes, record.offset, record.length, bounds)
      world.trace(process.nodeId, record.group, () => `sends ${JSON.stringify(message, readable)}`)
      world.count(message.kind)
      world.observer.leaves(process.nodeId, record.group, message)
    })
  }

  private status(status: GroupStatus): void {
    this.process.statusOf(status)
    this.world.trace(this.process.nodeId, status.group, () => {
      const { state, chosenUpTo, executedUpTo, lastAccepted } = status
      return `is ${state}: executed ${executedUpTo}, chosen ${chosenUpTo}, accepted ${lastAccepted}`
    })
  }

  private event(group: GroupIndex, event: WorkerEvent): void {
    if (event.kind !== 'alarm') return
    const detail = JSON.stringify(event.fields)
    this.world.trace(this.process.nodeId, group, () => `alarm ${event.code} ${detail}`)
    this.world.count(`alarm ${event.code}`)
    this.world.workload.restarted(this.process, group)
    if (DAMAGE_CODES.has(event.code) && this.world.damage.isHit(this.process.nodeId)) {
      this.damaged ||= event.code !== 'RECORD_DAMAGED'
      return
    }
    this.world.observer.check(() => this.alarms.came(group, event.code, detail))
  }

  private setTimer(view: DataView, offset: number, length: number): void {
    const { group, timer, delayMs } = readTimer(view, offset, length)
    const place = this.round.hosts.findIndex((host) => host.group === group)
    const index = dueIndex(this.memory, place, TIMER_KINDS.indexOf(timer))
    const token = (this.timers.get(index) ?? 0) + 1
    this.timers.set(index, token)
    if (delayMs === undefined) return
    this.later(delayMs, () => {
      if (this.timers.get(index) !== token) return
      this.port.end.due.set(index)
      this.wake()
    })
  }

  private openLog(store: WorkerStore, gate: ReturnType<typeof storeGate>): LogStore {
    const { process, world } = this
    const disk = process.diskAt(store.path)
    if (!this.groupsOf.has(store.path)) {
      this.groupsOf.set(store.path, store.groups)
      mount(new Drive(store.path, disk, this, world.random))
    }
    const inner = new LmdbLogStore({
      path: store.path,
      voterId: process.voterId,
      gate,
      journalBytes: world.plan.journalBytes,
    })
    return new ObservedStore(inner, process.nodeId, disk, world.observer)
  }

  private makeTask(createGroups: readonly GroupIndex[]): WorkerTask<WorkerMemory> {
    const { plan, random, voters, nodeIds } = this.world
    const { maxMessageBytes } = limitsFor(plan.limits.maxCommandBytes, plan.tuning)
    return {
      worker: 0,
      memory: this.memory,
      catchUps: allocateTally(1),
      sequences: this.process.sequences,
      nodeId: this.process.nodeId,
      voterId: this.process.voterId,
      incarnation: this.process.incarnation,
      peers: nodeIds,
      stores: this.process.stores,
      voters,
      proposeOn: plan.proposeOn,
      tuning: plan.tuning,
      seed: random.uint32(),
      stateMachines: [],
      limits: { ...plan.limits, maxMessageBytes },
      hostNow: this.now,
      createGroups,
      ...QUIET_POLICIES,
      flushDelayMs: 0,
    }
  }
}

/** Values are long and say little. */
function readable(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? `${value.byteLength} bytes` : value
}
