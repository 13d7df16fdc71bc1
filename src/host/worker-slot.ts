import type { Millis } from '../base/numbers.js'
import type { PortChange } from '../codec/port-news.js'
import {
  decodeDetail,
  GROUP_HEAD_BYTES,
  RECORD_KIND,
  readGroupHead,
  readStatus,
  readTimer,
  type WorkerEvent,
} from '../codec/worker-records.js'
import { TIMER_KINDS, type TimerKind } from '../core/timers.js'
import type { PortMemory } from '../ring/port-memory.js'
import { dueIndex, openHostEnd, type WorkerMemory } from '../ring/worker-memory.js'
import { AnswerReader } from './answer-reader.js'
import type { HostedGroup } from './hosted-group.js'
import type { MainMeter } from './main-meter.js'
import type { Router } from './router.js'
import type { TimerHeap } from './timer-heap.js'
import type { RunningTask } from './worker-pool.js'
import { type PortBounds, WorkerPort } from './worker-port.js'

/** What a slot tells the node. */
export interface SlotEvents {
  status(group: HostedGroup): void
  event(slot: WorkerSlot, group: HostedGroup | undefined, event: WorkerEvent): void
  /** Commands of callers go into the rings of its present life. */
  opened(slot: WorkerSlot): void
  /** A life that was open is over. */
  ended(slot: WorkerSlot): void
}

/** To the thread of a worker: what it is to know of ports. */
export type PortChanges = Pick<InstanceType<typeof MessagePort>, 'postMessage' | 'close'>

const KIND_NUMBERS = Object.fromEntries(TIMER_KINDS.map((kind, i) => [kind, i])) as Record<TimerKind, number>

/**
 * The place of one worker in the host: its groups stay, its lives come and go. Everything that belongs to one life (the
 * rings above all) is made anew for the next.
 */
export class WorkerSlot {
  readonly index: number
  /** In the order of the worker's own table. */
  readonly groups: readonly HostedGroup[]
  port: WorkerPort | undefined
  memory: WorkerMemory | undefined
  task: RunningTask | undefined
  /** When its outbox was last read: after what was there had been fixed. */
  drainedAt: Millis = 0
  /** Groups of this life that have reported themselves running. */
  #reported = new Set<HostedGroup>()
  readonly #byIndex: ReadonlyMap<number, HostedGroup>
  readonly #placeOf: ReadonlyMap<HostedGroup, number>
  readonly #router: Router
  readonly #timers: TimerHeap
  readonly #timerSlots: readonly number[]
  readonly #meter: MainMeter
  readonly #events: SlotEvents
  readonly #answers: AnswerReader
  #portChanges: PortChanges | undefined
  #isOpen = false

  constructor(
    index: number,
    groups: readonly HostedGroup[],
    router: Router,
    timers: TimerHeap,
    meter: MainMeter,
    events: SlotEvents,
  ) {
    this.index = index
    this.groups = groups
    this.#byIndex = new Map(groups.map((group) => [group.index, group]))
    this.#answers = new AnswerReader(this.#byIndex)
    this.#placeOf = new Map(groups.map((group, place) => [group, place]))
    this.#router = router
    this.#timers = timers
    this.#meter = meter
    this.#events = events
    this.#timerSlots = groups.flatMap((_, place) =>
      TIMER_KINDS.map((_, kind) => timers.slot(() => this.#due(place, kind))),
    )
  }

  begin(memory: WorkerMemory, task: RunningTask, portChanges: PortChanges, bounds: PortBounds): void {
    this.memory = memory
    this.task = task
    this.port = new WorkerPort(openHostEnd(memory), bounds)
    this.#portChanges = portChanges
    this.#reported.clear()
  }

  /** From here on commands of callers and messages of peers go into the rings: before, they could only fill them. */
  open(): void {
    for (const group of this.groups) group.port = this.port
    this.#isOpen = true
    this.#events.opened(this)
  }

  /** The rings of the present life, if commands of callers go into them. */
  get openMemory(): WorkerMemory | undefined {
    return this.#isOpen ? this.memory : undefined
  }

  /** Tells the present life of ports of the application. */
  changePorts(change: PortChange<PortMemory>): void {
    this.#portChanges?.postMessage(change)
    this.port?.portsChanged()
  }

  /** True when every group of this life has reported. */
  get isReady(): boolean {
    return this.#reported.size === this.groups.length
  }

  /** The life is over. The callers of what it had are told; timers of the dead ring for nobody. */
  end(): void {
    for (const slot of this.#timerSlots) this.#timers.clear(slot)
    this.port = undefined
    this.memory = undefined
    this.task = undefined
    this.#reported.clear()
    this.#portChanges?.close()
    this.#portChanges = undefined
    const wasOpen = this.#isOpen
    this.#isOpen = false
    for (const group of this.groups) group.workerLost()
    if (wasOpen) this.#events.ended(this)
  }

  /** Reads what the outbox holds now; true if there was anything. Throws `RingCorrupt`. */
  drain(): boolean {
    const { port } = this
    if (port === undefined || port.end.outbox.isEmpty()) return false
    const { outbox } = port
    port.end.outbox.snapshot()
    const now = this.#meter.now()
    this.drainedAt = now
    // A record may end this life (an event that the node acts on); then its rings are no more ours.
    while (this.port === port && outbox.next()) {
      this.#take(outbox.kind, outbox.view, outbox.bytes, outbox.offset, outbox.length, now)
    }
    outbox.release()
    return true
  }

  #take(kind: number, view: DataView, bytes: Uint8Array, offset: number, length: number, now: Millis): void {
    switch (kind) {
      case RECORD_KIND.send:
        this.#route(view, bytes, offset, length)
        break
      case RECORD_KIND.timer:
        this.#setTimer(view, offset, length, now)
        break
      case RECORD_KIND.status:
        this.#status(view, offset, length)
        break
      case RECORD_KIND.event: {
        const group = this.#byIndex.get(readGroupHead(view, offset, length))
        const event = decodeDetail(bytes, offset + GROUP_HEAD_BYTES, length - GROUP_HEAD_BYTES) as WorkerEvent
        this.#events.event(this, group, event)
        break
      }
      default:
        if (this.#answers.take(kind, view, bytes, offset, length, now)) this.#meter.hasResults = true
    }
  }

  #route(view: DataView, bytes: Uint8Array, offset: number, length: number): void {
    const { times, now } = this.#meter
    const began = now()
    this.#router.route(view, bytes, offset, length)
    times.routeMs += now() - began
  }

  #setTimer(view: DataView, offset: number, length: number, now: Millis): void {
    const { group, timer, delayMs } = readTimer(view, offset, length)
    const hosted = this.#byIndex.get(group)
    if (hosted === undefined) return
    const place = this.#placeOf.get(hosted) as number
    const slot = this.#timerSlots[place * TIMER_KINDS.length + KIND_NUMBERS[timer]] as number
    if (delayMs === undefined) this.#timers.clear(slot)
    else this.#timers.set(slot, now + delayMs)
  }

  #status(view: DataView, offset: number, length: number): void {
    const status = readStatus(view, offset, length)
    const group = this.#byIndex.get(status.group)
    if (group === undefined) return
    group.status = status
    if (status.state !== 'starting') this.#reported.add(group)
    this.#events.status(group)
  }

  #due(place: number, kind: number): void {
    if (this.port === undefined || this.memory === undefined) return
    this.port.end.due.set(dueIndex(this.memory, place, kind))
  }
}
