import type { GroupIndex } from '../base/numbers.js'
import { PORT_COUNTERS, type PortNews, type PortSettings } from '../codec/port-news.js'
import { allocateCounters, Counters } from '../ring/counters.js'
import { allocateDoorbell } from '../ring/doorbell.js'
import { allocatePortMemory, type PortMemory } from '../ring/port-memory.js'
import type { HostedGroup } from './hosted-group.js'
import type { MonotonicClock } from './monotonic-clock.js'
import { PaxosError } from './paxos-error.js'
import type { WorkerSlot } from './worker-slot.js'

/** A handle of a port, and the host's end of it. */
type Channel = InstanceType<typeof MessagePort>

/** What all ports of a node have in common. */
export type CommonSettings = Omit<PortSettings, 'port' | 'portBell' | 'counters' | 'clockBehindMs'>

export interface PortsOptions {
  readonly slots: readonly WorkerSlot[]
  readonly groups: readonly HostedGroup[]
  readonly clock: MonotonicClock
  /** Each of a port's two large rings, for each worker. */
  readonly ringBytes: number
  /** How many there may be at one time. */
  readonly maxPorts: number
  reachesMajority(): boolean
  /** Records for workers have been written that are not published. */
  wrote(): void
}

/** A port of the application, as the node sees it; calls of all groups that have not ended, as of its last turn. */
export interface PortView {
  readonly port: number
  readonly waiting: number
  readonly waitingBytes: number
  /** Refused by admission since it was opened. */
  readonly refused: number
}

interface Port {
  readonly id: number
  readonly channel: Channel
  readonly bell: SharedArrayBuffer
  readonly counters: Counters<(typeof PORT_COUNTERS)[number]>
}

/**
 * The ports through which the application's own threads speak with the group workers. The host makes their rings, tells
 * both sides of each other, of workers that come and go and of ports that end, and has no part in their calls.
 */
export class Ports {
  readonly #options: PortsOptions
  readonly #ports = new Map<number, Port>()
  #last = 0
  #majority = false
  #isStopping = false

  constructor(options: PortsOptions) {
    this.#options = options
  }

  /** Throws `TOO_MANY_PORTS`, `NODE_STOPPED`. */
  open(common: CommonSettings): Channel {
    const { slots, groups, clock, maxPorts } = this.#options
    if (this.#isStopping) throw new PaxosError('NODE_STOPPED', 'the node has been stopped')
    if (this.#ports.size >= maxPorts) {
      const message = `there are ${this.#ports.size} ports, and there may be ${maxPorts}: close one, or raise maxMemoryBytes if it is set`
      throw new PaxosError('TOO_MANY_PORTS', message)
    }
    const { port1: channel, port2: handle } = new MessageChannel()
    const memory = allocateCounters(PORT_COUNTERS)
    const port: Port = {
      id: ++this.#last,
      channel,
      bell: allocateDoorbell(),
      counters: new Counters(memory, PORT_COUNTERS),
    }
    this.#ports.set(port.id, port)
    channel.on('close', () => this.#closed(port))
    // Nothing is said here; but what an application posts to its handle would stand before the news that it is closed.
    channel.on('message', () => undefined)
    channel.unref()
    const settings = {
      ...common,
      port: port.id,
      portBell: port.bell,
      counters: memory,
      clockBehindMs: clock.behindMachineMs,
    }
    post(port, { kind: 'begin', settings })
    for (const slot of slots) this.#connect(port, slot)
    for (const group of groups) if (group.failure !== undefined) post(port, failureOf(group))
    post(port, { kind: 'majority', reached: this.#options.reachesMajority() })
    return handle
  }

  /** Commands go into the rings of a worker's new life. */
  opened(slot: WorkerSlot): void {
    for (const port of this.#ports.values()) this.#connect(port, slot)
  }

  ended({ index: worker }: WorkerSlot): void {
    this.#tell({ kind: 'life', worker, memory: undefined })
  }

  /** The failure of a group is another one, or is over. */
  failed(group: HostedGroup): void {
    this.#tell(failureOf(group))
  }

  linksChanged(): void {
    const reached = this.#options.reachesMajority()
    if (reached === this.#majority) return
    this.#majority = reached
    this.#tell({ kind: 'majority', reached })
  }

  /** No port takes anything new. */
  stopping(): void {
    this.#isStopping = true
    this.#tell({ kind: 'stopping' })
  }

  get hasWaiting(): boolean {
    return this.status().some(({ waiting }) => waiting > 0)
  }

  /** Whoever still waits hears of the end. */
  stop(): void {
    this.#tell({ kind: 'stopped' })
    for (const { channel } of this.#ports.values()) channel.close()
  }

  status(): PortView[] {
    return [...this.#ports.values()].map(({ id, counters }) => ({ port: id, ...counters.readAll() }))
  }

  /** By its own thread, or with it. */
  #closed(port: Port): void {
    if (!this.#ports.delete(port.id)) return
    for (const slot of this.#options.slots) slot.changePorts({ kind: 'close', port: port.id })
    this.#options.wrote()
  }

  #connect(port: Port, slot: WorkerSlot): void {
    const { ringBytes, wrote } = this.#options
    if (slot.openMemory === undefined) return
    const memory = allocatePortMemory(ringBytes, { workerBell: slot.openMemory.bell, portBell: port.bell })
    slot.changePorts({ kind: 'open', port: port.id, memory })
    post(port, { kind: 'life', worker: slot.index, memory })
    wrote()
  }

  #tell(news: PortNews<PortMemory>): void {
    for (const port of this.#ports.values()) post(port, news)
  }
}

function failureOf({ index, failure, state }: HostedGroup): PortNews<PortMemory> {
  return { kind: 'failure', group: index as GroupIndex, failure, forGood: state === 'failed' }
}

function post({ channel }: Port, news: PortNews<PortMemory>): void {
  channel.postMessage(news)
}
