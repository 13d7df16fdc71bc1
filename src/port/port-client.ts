import type { MessagePort } from 'node:worker_threads'
import type { GroupIndex } from '../base/numbers.js'
import { PORT_COUNTERS, type PortNews, type PortSettings } from '../codec/port-news.js'
import type { ErrorCode } from '../host/error-codes.js'
import { GroupHandle } from '../host/group-handle.js'
import { HostedGroup } from '../host/hosted-group.js'
import { MainMeter } from '../host/main-meter.js'
import { MonotonicClock } from '../host/monotonic-clock.js'
import { cheapError, type Outcome, PaxosError } from '../host/paxos-error.js'
import { routeKey } from '../host/routing.js'
import { TimerHeap } from '../host/timer-heap.js'
import { TurnLoop } from '../host/turn-loop.js'
import { Counters } from '../ring/counters.js'
import { Doorbell } from '../ring/doorbell.js'
import type { PortMemory } from '../ring/port-memory.js'
import { type PortedGroup, PortSlot } from './port-slot.js'

/** One group, as a port knows it: as a `GroupHandle` of the node, with bounds of admission for the calls of this port alone. */
export type PortGroup = Pick<GroupHandle, 'index' | 'propose' | 'proposeMany' | 'read' | 'setAdmission'>

/**
 * A port in the thread that opened it. It has queues, deadlines and bounds of its own, and a pair of rings with every
 * group worker. An application thread that stands still holds up its own calls and nobody else's.
 */
export class PortClient {
  readonly #handle: MessagePort
  readonly #settings: PortSettings
  readonly #clock: MonotonicClock
  readonly #timers: TimerHeap
  readonly #groups: readonly PortedGroup[]
  readonly #handles: readonly PortGroup[]
  readonly #slots: readonly PortSlot[]
  readonly #slotOf = new Map<PortedGroup, PortSlot>()
  readonly #loop: TurnLoop<PortSlot>
  readonly #counters: Counters<(typeof PORT_COUNTERS)[number]>
  #reachesMajority = true
  /** Somebody waits: then the thread is kept alive, and the node, if it stops, gives them time. */
  #isBusy = false
  #isClosed = false

  constructor(handle: MessagePort, settings: PortSettings) {
    this.#handle = handle
    this.#settings = settings
    this.#clock = new MonotonicClock(settings.clockBehindMs, false)
    const { now } = this.#clock
    this.#timers = new TimerHeap(this.#clock)
    this.#counters = new Counters(settings.counters, PORT_COUNTERS)
    const around = {
      timers: this.#timers,
      now,
      wrote: () => this.#wrote(),
      // It may have been the last that kept the thread.
      aborted: () => this.#loop.soon(),
      tune: () => undefined,
      reachesMajority: () => this.#reachesMajority,
    }
    const { admission, groupCount, machines, maxCommandBytes, proposeMs, readMs } = settings
    this.#groups = Array.from({ length: groupCount }, (_, index) => new HostedGroup(index, admission, around))
    const common = { maxCommandBytes, proposeMs, readMs, machines, now }
    this.#handles = this.#groups.map((group) => new GroupHandle(group, common))
    this.#slots = settings.workers.map((groups) => this.#slot(groups))
    const ended = { flush: () => this.#turnEnded() }
    const bell = new Doorbell(settings.portBell)
    this.#loop = new TurnLoop(this.#slots, this.#groups, ended, new MainMeter(now), bell, (_, error) =>
      this.#close('RING_CORRUPT', String((error as { message?: unknown }).message)),
    )
    this.#clock.onWake(() => {
      this.#timers.fire()
      this.#loop.soon()
    })
    handle.on('message', (news: PortNews<PortMemory>) => this.#hear(news))
    handle.on('close', () => this.#close('NODE_STOPPED', 'the node has been stopped'))
    handle.unref()
    this.#loop.start()
  }

  get groupCount(): number {
    return this.#handles.length
  }

  /** By index, from 0. Throws `NO_SUCH_GROUP`. */
  group(index: number): PortGroup {
    const handle = this.#handles[index]
    if (handle !== undefined) return handle
    const message = `there is no group ${String(index)}; this cluster has the groups 0 to ${this.#handles.length - 1}`
    throw new PaxosError('NO_SUCH_GROUP', message, { outcome: 'not-applied' })
  }

  /** The group of a key: the same on every node and for the life of the cluster. */
  groupFor(key: string | Uint8Array): PortGroup {
    return this.group(routeKey(key, this.#settings.routingGroups))
  }

  /** Ends what waits, with `PORT_CLOSED`, and gives the rings back. Also done by the end of the thread. */
  close(): void {
    this.#close('PORT_CLOSED', 'the port has been closed')
  }

  #slot(indexes: readonly GroupIndex[]): PortSlot {
    const groups = indexes.map((index) => this.#groups[index] as PortedGroup)
    // Its own queries are the only large things in the control ring: no more of them wait than admission lets in.
    const bounds = { maxMessageBytes: this.#settings.maxMessageBytes, largeBytes: Number.POSITIVE_INFINITY }
    const slot = new PortSlot(groups, bounds, this.#clock.now)
    for (const group of groups) this.#slotOf.set(group, slot)
    return slot
  }

  #hear(news: PortNews<PortMemory>): void {
    if (this.#isClosed) return
    switch (news.kind) {
      case 'life': {
        const slot = this.#slots[news.worker] as PortSlot
        if (news.memory === undefined) slot.end()
        else slot.begin(news.memory)
        break
      }
      case 'failure':
        this.#failed(news)
        break
      case 'majority':
        this.#reachesMajority = news.reached
        break
      case 'stopping':
        for (const group of this.#groups) group.stopped = true
        break
      case 'stopped':
        this.#close('NODE_STOPPED', 'the node has been stopped')
        break
    }
    this.#loop.soon()
  }

  #failed({ group: index, failure, forGood }: Extract<PortNews, { kind: 'failure' }>): void {
    const group = this.#groups[index] as PortedGroup
    group.failure = failure === undefined ? undefined : { code: failure.code as ErrorCode, message: failure.message }
    this.#slotOf.get(group)?.admit(group)
    if (group.failure === undefined || !forGood) return
    const { code, message } = group.failure
    group.endQueued((outcome) => cheapError(code, message, { outcome }))
  }

  #close(code: ErrorCode, message: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const error = (outcome: Outcome) => cheapError(code, message, { outcome })
    for (const group of this.#groups) {
      group.failure = { code, message }
      group.stopped = false
      group.port = undefined
      group.endAll(error)
    }
    this.#loop.stop()
    this.#clock.close()
    this.#handle.close()
  }

  #wrote(): void {
    if (!this.#isBusy && !this.#isClosed) {
      this.#isBusy = true
      this.#handle.ref()
      this.#counters.set(this.#counters.cell.waiting, 1)
    }
    this.#loop.wrote()
  }

  #turnEnded(): void {
    const totals = { waiting: 0, waitingBytes: 0, refused: 0 }
    for (const { proposals, reads } of this.#groups) {
      for (const { admission } of [proposals, ...reads.values()]) {
        totals.waiting += admission.waiting
        totals.waitingBytes += admission.waitingBytes
        totals.refused += admission.refused
      }
    }
    for (const name of PORT_COUNTERS) this.#counters.set(this.#counters.cell[name], totals[name])
    if (totals.waiting > 0 || !this.#isBusy) return
    this.#isBusy = false
    this.#handle.unref()
  }
}
