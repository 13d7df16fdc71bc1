import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Queue } from '../src/base/queue.js'
import { FrameBuilder, PROTOCOL_VERSIONS, readFrame } from '../src/codec/frame.js'
import { createTransport } from '../src/net/create-transport.js'
import type { Transport } from '../src/net/transport.js'
import { allocateDoorbell, Doorbell } from '../src/ring/doorbell.js'
import { allocateWorkerMemory, type HostEnd, openHostEnd } from '../src/ring/worker-memory.js'
import {
  COMMAND_HEAD_BYTES,
  COMMAND_RING_BYTES,
  CONTROL_RING_BYTES,
  FLOOR_RECORD,
  type FloorWorkerTask,
  MESSAGE_HEAD_BYTES,
  OUTBOX_RING_BYTES,
} from './floor-records.js'
import type { ProcessSample } from './measure.js'
import type { NodeSettings } from './node-settings.js'
import { ownUsage } from './usage.js'
import { diskBytes } from './work-dir.js'

const LIMITS = { maxFrameBytes: 64 * 1024 * 1024, maxMessageBytes: 32 * 1024 * 1024 }
const LINK_BYTES = 256 * 1024 * 1024
const COUNTERS = ['commits', 'batches']
const END = {}

interface Waiting {
  readonly command: Uint8Array
  readonly sequence: number
}

interface Group {
  readonly index: number
  readonly end: HostEnd
  /** Callers, in the order of their sequences: batches are answered in order. */
  readonly callers: Queue<(value: unknown) => void>
  /** What the ring had no room for. */
  readonly waiting: Queue<Waiting>
  next: number
}

/** One process of the floor: sockets, callers, and the turns between rings and frames. */
export class FloorHost {
  readonly #settings: NodeSettings
  readonly #slots: readonly number[]
  readonly #bell: Doorbell
  readonly #ends: HostEnd[] = []
  readonly #workers: Worker[] = []
  readonly #groups: Group[] = []
  readonly #frames: readonly (FrameBuilder | undefined)[]
  readonly #transport: Transport
  readonly #bellMemory = allocateDoorbell()
  #publishing = false
  #turning = false
  #resting = false
  #stopped = false

  constructor(settings: NodeSettings) {
    this.#settings = settings
    this.#slots = Object.keys(settings.nodes).map(Number)
    this.#bell = new Doorbell(this.#bellMemory)
    this.#frames = this.#slots.map((id) => (id === settings.nodeId ? undefined : new FrameBuilder(LIMITS)))
    this.#transport = this.#createTransport()
  }

  async start(): Promise<void> {
    await Promise.all(this.#startWorkers())
    this.#soon()
    await this.#transport.start()
    const others = this.#slots.filter((id) => id !== this.#settings.nodeId)
    while (!others.every((id) => this.#transport.linkState(id).sendable)) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** The bytes are copied before this returns. */
  propose(group: number, command: Uint8Array): Promise<unknown> {
    return new Promise((resolve) => this.#enter(this.#groups[group]!, command, resolve))
  }

  /** With one promise for all. */
  proposeMany(group: number, commands: readonly Uint8Array[]): Promise<object[]> {
    return new Promise((resolve) => {
      const ends: object[] = []
      const ended = (): void => {
        if (ends.push(END) === commands.length) resolve(ends)
      }
      for (const command of commands) this.#enter(this.#groups[group]!, command, ended)
    })
  }

  #enter(to: Group, command: Uint8Array, ended: (value: unknown) => void): void {
    to.callers.push(ended)
    const sequence = to.next++
    if (to.waiting.length > 0 || !this.#write(to, sequence, command))
      to.waiting.push({ command: command.slice(), sequence })
    if (this.#publishing) return
    this.#publishing = true
    process.nextTick(() => {
      this.#publishing = false
      for (const end of this.#ends) end.command.publish()
    })
  }

  sample(): ProcessSample {
    const counted = this.#ends.map(({ counters }) => counters.readAll() as { commits: number; batches: number })
    return {
      node: this.#settings.nodeId,
      usage: ownUsage(this.#transport.counters.bytesOut),
      dataBytes: diskBytes(this.#settings.dataDir),
      commits: counted.reduce((total, { commits }) => total + commits, 0),
      instances: counted.reduce((total, { batches }) => total + batches, 0),
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const { control } of this.#ends) {
      if (control.tryClaim(FLOOR_RECORD.stop, 0) >= 0) control.commit()
      control.publish()
    }
    await Promise.all([...this.#workers.map((worker) => once(worker, 'exit')), this.#transport.stop()])
    this.#bell.wake()
  }

  /** Threads as the runtime has them, with a store each. */
  #startWorkers(): Promise<unknown>[] {
    const { groups, threads, nodes, nodeId, dataDir, flushDelayMs } = this.#settings
    return Array.from({ length: threads }, (_, thread) => {
      const mine = Array.from({ length: groups }, (_, group) => group).filter((group) => group % threads === thread)
      const memory = allocateWorkerMemory({
        controlBytes: CONTROL_RING_BYTES,
        commandBytes: COMMAND_RING_BYTES,
        outboxBytes: OUTBOX_RING_BYTES,
        groups: mine.length,
        timersPerGroup: 1,
        counterNames: COUNTERS,
        hostBell: this.#bellMemory,
      })
      const end = openHostEnd(memory)
      this.#ends.push(end)
      for (const index of mine) {
        this.#groups[index] = { index, end, callers: new Queue(), waiting: new Queue(), next: 1 }
      }
      const slot = this.#slots.indexOf(nodeId)
      const path = join(dataDir, `floor-${thread}`)
      const task: FloorWorkerTask = { memory, path, groups: mine, slot, nodes: Object.keys(nodes).length, flushDelayMs }
      const worker = new Worker(new URL('./floor-worker.js', import.meta.url), { workerData: task })
      this.#workers.push(worker)
      return once(worker, 'message')
    })
  }

  #createTransport(): Transport {
    const { nodes, nodeId, rttMs } = this.#settings
    const peers = Object.entries(nodes).map(([id, address]) => {
      const at = address.lastIndexOf(':')
      return { nodeId: Number(id), host: address.slice(0, at), port: Number(address.slice(at + 1)) }
    })
    const name = nodeId.toString(16).padStart(16, '0')
    return createTransport({
      self: {
        clusterId: 'floor',
        nodeId,
        voterId: name,
        incarnation: name,
        groupCount: this.#settings.groups,
        protocolMin: PROTOCOL_VERSIONS.min,
        protocolMax: PROTOCOL_VERSIONS.max,
      },
      listen: peers.find((peer) => peer.nodeId === nodeId)!,
      peers,
      clusterSecret: 'a secret for benchmarks only',
      listener: 'auto',
      linkBytes: LINK_BYTES,
      maxFrameBytes: LIMITS.maxFrameBytes,
      reconnectMinMs: 20,
      reconnectMaxMs: 200,
      handshakeMs: 5_000,
      keepAliveMs: 10_000,
      rttMs,
      logger: { info: () => undefined, warn: (_, message) => console.error(message) },
      handlers: {
        onFrame: (peer, frame) => this.#receive(peer, frame),
        onLink: () => undefined,
        onRefused: (reason) => console.error(`a link was refused: ${reason}`),
        onDrain: () => undefined,
      },
      random: Math.random,
    })
  }

  #receive(peer: number, frame: Uint8Array): void {
    const from = this.#slots.indexOf(peer)
    const visit = (group: number, offset: number, length: number): void => {
      const ring = this.#groups[group]!.end.control
      const at = ring.tryClaim(FLOOR_RECORD.message, MESSAGE_HEAD_BYTES + length)
      // Nothing here sends again what was dropped, so nothing may be.
      if (at < 0) throw new Error('more bytes in flight than the rings of the floor hold: use fewer callers')
      ring.view.setUint32(at, group, true)
      ring.view.setUint32(at + 4, from, true)
      ring.bytes.set(frame.subarray(offset, offset + length), at + MESSAGE_HEAD_BYTES)
      ring.commit()
    }
    readFrame(frame, visit, LIMITS)
    for (const { control } of this.#ends) control.publish()
  }

  #write({ end, index }: Group, sequence: number, command: Uint8Array): boolean {
    const ring = end.command
    const at = ring.tryClaim(FLOOR_RECORD.command, COMMAND_HEAD_BYTES + command.length)
    if (at < 0) return false
    ring.view.setUint32(at, index, true)
    ring.view.setUint32(at + 4, 0, true)
    ring.view.setFloat64(at + 8, sequence, true)
    ring.bytes.set(command, at + COMMAND_HEAD_BYTES)
    ring.commit()
    return true
  }

  #soon(): void {
    if (this.#turning || this.#stopped) return
    this.#turning = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#turning = false
    let worked = false
    for (const end of this.#ends) if (this.#drain(end)) worked = true
    for (const group of this.#groups) this.#refill(group)
    for (const { command } of this.#ends) command.publish()
    this.#frames.forEach((frames, slot) => {
      if (frames === undefined || frames.isEmpty) return
      const end = this.#transport.send(this.#slots[slot]!, frames.take())
      // A follower whose leader has gone is at the end of the run.
      if (end === 'full' || (end === 'down' && this.#settings.nodeId === 1))
        throw new Error('a link of the floor broke')
    })
    if (worked) this.#soon()
    else this.#rest()
  }

  #drain({ outbox }: HostEnd): boolean {
    if (outbox.isEmpty()) return false
    outbox.snapshot()
    while (outbox.next()) {
      const { view, offset } = outbox
      const group = view.getUint32(offset, true)
      if (outbox.kind === FLOOR_RECORD.send) this.#gather(group, view.getUint32(offset + 4, true), outbox)
      else this.#answer(this.#groups[group]!, view.getUint32(offset + 4, true))
    }
    outbox.release()
    return true
  }

  #gather(group: number, mask: number, { bytes, offset, length }: HostEnd['outbox']): void {
    this.#frames.forEach((frames, slot) => {
      if (frames === undefined || (mask & (1 << slot)) === 0) return
      frames.append(group, bytes, offset + MESSAGE_HEAD_BYTES, length - MESSAGE_HEAD_BYTES)
    })
  }

  #answer({ callers }: Group, count: number): void {
    for (let i = 0; i < count; i++) callers.shift()!(true)
  }

  #refill(group: Group): void {
    for (let first = group.waiting.peek(); first !== undefined; first = group.waiting.peek()) {
      if (!this.#write(group, first.sequence, first.command)) return
      group.waiting.shift()
    }
  }

  #rest(): void {
    if (this.#resting) return
    const wait = this.#bell.waitAsync(() => this.#ends.every(({ outbox }) => outbox.isEmpty()))
    if (wait === undefined) {
      this.#soon()
      return
    }
    this.#resting = true
    void wait.then(() => {
      this.#resting = false
      this.#soon()
    })
  }
}
