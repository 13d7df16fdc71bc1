import type { GroupIndex, Millis, NodeId } from '../base/numbers.js'
import { Queue } from '../base/queue.js'
import { COMMAND_HEADER_BYTES, writeCommandAt } from '../codec/command-body.js'
import { copyBytes, copyOf } from '../codec/own-bytes.js'
import type { Payload } from '../codec/payload.js'
import {
  ALL_GROUPS,
  COMMAND_HEAD_BYTES,
  COMMANDS_HEAD_BYTES,
  type Consistency,
  encodeDetail,
  GROUP_HEAD_BYTES,
  type GroupCommand,
  LINK_BYTES,
  type Link,
  MESSAGE_HEAD_BYTES,
  READ_HEAD_BYTES,
  RECORD_KIND,
  type WorkerCommand,
  writeCommand,
  writeCommands,
  writeGroupHead,
  writeLink,
  writeMessage,
  writeRead,
} from '../codec/worker-records.js'
import { FragmentWriter, MessageReader } from '../ring/fragments.js'
import type { RingProducer } from '../ring/spsc-ring.js'
import type { HostEnd } from '../ring/worker-memory.js'
import { CommandBatch, MANY_BYTES } from './command-batch.js'

export interface PortBounds {
  readonly maxMessageBytes: number
  /** Messages too large for a record wait here for their turn; above it they are dropped, as on a full link. */
  readonly largeBytes: number
}

/** What a record has around the longest message. */
export const HEAD_BYTES = 64
/** What callers of a group need of it. */
export type CallPort = Pick<WorkerPort<CallEnd>, 'command' | 'commands' | 'read'>
/** The rings alone: all that a port of the application has. */
type CallEnd = Pick<HostEnd, 'control' | 'command' | 'outbox'>

/**
 * The host's end of one life of a worker, or that of a port of the application: puts records into its inboxes, and reads
 * its outbox. Nothing waits: full is a return value. Records become visible by `publish`, once per turn.
 */
export class WorkerPort<End extends CallEnd = HostEnd> {
  readonly end: End
  readonly outbox: MessageReader
  /** Protocol messages that the control inbox had no room for. */
  dropped = 0
  readonly #bounds: PortBounds
  readonly #batch: CommandBatch
  #largeCommand: FragmentWriter | undefined
  #largeGroup: GroupIndex = -1
  readonly #largeControl = new Queue<FragmentWriter>()
  #largeControlBytes = 0
  readonly #links = new Map<NodeId, Link>()
  /** By group and kind, so that they are few. */
  readonly #tunes = new Map<string, Tune>()
  #portsChanged = false
  /** Set when a record did not fit: then the worker is asked to ring when it does. */
  #commandWanted = 0
  #controlWanted = 0

  constructor(end: End, bounds: PortBounds) {
    this.end = end
    this.#bounds = bounds
    this.#batch = new CommandBatch(end.command)
    this.outbox = new MessageReader(this.end.outbox, { maxMessageBytes: bounds.maxMessageBytes })
  }

  command(
    group: GroupIndex,
    sequence: number,
    deadline: Millis,
    machineId: number,
    flags: number,
    bytes: Uint8Array,
  ): boolean {
    // A whole record would overtake the fragments: commands of one source reach the log in the order in which they came.
    if (this.#largeGroup === group) return false
    if (this.#batch.add(group, sequence, deadline, machineId, flags, bytes)) return true
    const ring = this.end.command
    const length = COMMAND_HEAD_BYTES + bytes.length
    if (length > ring.maxRecordBytes) return this.#large(group, sequence, deadline, machineId, flags, bytes)
    const at = ring.tryClaim(RECORD_KIND.command, length)
    if (at < 0) {
      this.#commandWanted = length
      return false
    }
    writeCommand(ring.view, at, group, machineId, flags, sequence, deadline)
    copyBytes(bytes, 0, bytes.length, ring.bytes, at + COMMAND_HEAD_BYTES)
    ring.commit()
    return true
  }

  /**
   * Puts as many of `payloads` as fit, from the one at `from` on, into one record; `sequence` is of that one. Returns how
   * many: 0 when there is no room.
   */
  commands(
    group: GroupIndex,
    sequence: number,
    deadline: Millis,
    machineId: number,
    payloads: readonly Payload[],
    from: number,
  ): number {
    this.#batch.close()
    const ring = this.end.command
    const bound = Math.min(MANY_BYTES, ring.maxRecordBytes)
    let until = from
    let length = COMMANDS_HEAD_BYTES
    for (; until < payloads.length; until++) {
      const next = length + COMMAND_HEADER_BYTES + (payloads[until] as Payload).bytes.length
      if (next > bound) break
      length = next
    }
    if (until - from < 2) {
      const { flags, bytes } = payloads[from] as Payload
      return this.command(group, sequence, deadline, machineId, flags, bytes) ? 1 : 0
    }
    if (this.#largeGroup === group) return 0
    const record = ring.tryClaim(RECORD_KIND.commands, length)
    if (record < 0) {
      this.#commandWanted = length
      return 0
    }
    writeCommands(ring.view, record, group, until - from, sequence, deadline)
    let at = record + COMMANDS_HEAD_BYTES
    for (let i = from; i < until; i++) {
      const { flags, bytes } = payloads[i] as Payload
      at = writeCommandAt(ring.bytes, at, machineId, flags, bytes, 0, bytes.length)
    }
    ring.commit()
    return until - from
  }

  /** `bytes` is the frame; the message is copied out of it before this returns. False: dropped and counted. */
  message(group: GroupIndex, from: NodeId, bytes: Uint8Array, offset: number, length: number): boolean {
    // No message of a peer's new life may come before the news of it.
    if (this.#links.size > 0 && !this.#tellLinks()) {
      this.dropped++
      return false
    }
    const ring = this.end.control
    const whole = MESSAGE_HEAD_BYTES + length
    if (whole > ring.maxRecordBytes) return this.#largeMessage(group, from, copyOf(bytes, offset, length))
    const at = ring.tryClaim(RECORD_KIND.message, whole)
    if (at < 0) {
      this.dropped++
      return false
    }
    writeMessage(ring.view, at, group, from)
    copyBytes(bytes, offset, length, ring.bytes, at + MESSAGE_HEAD_BYTES)
    ring.commit()
    return true
  }

  read(
    group: GroupIndex,
    token: number,
    deadline: Millis,
    machineId: number,
    consistency: Consistency,
    flags: number,
    query: Uint8Array,
  ): boolean {
    const ring = this.end.control
    const length = READ_HEAD_BYTES + query.length
    const head = { group, token, machineId, flags, consistency, deadline }
    if (length > ring.maxRecordBytes) {
      // In fragments it may stand behind others of its kind, but it is one of few.
      const bytes = new Uint8Array(READ_HEAD_BYTES)
      writeRead(new DataView(bytes.buffer), 0, head)
      return this.#enqueue(new FragmentWriter(ring, RECORD_KIND.read, bytes, copyOf(query, 0, query.length)))
    }
    const at = ring.tryClaim(RECORD_KIND.read, length)
    if (at < 0) {
      this.#controlWanted = length
      return false
    }
    writeRead(ring.view, at, head)
    copyBytes(query, 0, query.length, ring.bytes, at + READ_HEAD_BYTES)
    ring.commit()
    return true
  }

  /** Tells the worker of a link, now or as soon as there is room; only the latest news of a peer counts. */
  link(link: Link): void {
    this.#links.set(link.peer, link)
    this.#tellLinks()
  }

  /** Tells a group something, now or as soon as there is room; of each kind only the latest counts. */
  tune(group: GroupIndex, command: GroupCommand): void {
    this.#tell(group, command)
  }

  /** The same, of all of the worker. */
  tuneWorker(command: WorkerCommand): void {
    this.#tell(ALL_GROUPS, command)
  }

  #tell(group: GroupIndex, command: GroupCommand | WorkerCommand): void {
    const key = `${group} ${command.kind}`
    // The order of what is told is kept: the place of an earlier one of its kind is given up.
    this.#tunes.delete(key)
    this.#tunes.set(key, { group, detail: encodeDetail(command) })
    this.#tellTunes()
  }

  /** Tells the worker of news about ports, now or as soon as there is room. */
  portsChanged(): void {
    this.#portsChanged = true
    this.#tellPorts()
  }

  stop(): boolean {
    const ring = this.end.control
    if (ring.tryClaim(RECORD_KIND.stop, 0) < 0) return false
    ring.commit()
    return true
  }

  /** Goes on with what did not fit at once. */
  pump(): void {
    this.#tellLinks()
    this.#tellTunes()
    this.#tellPorts()
    this.#batch.close()
    if (this.#largeCommand?.pump() === true) {
      this.#largeCommand = undefined
      this.#largeGroup = -1
    }
    for (let writer = this.#largeControl.peek(); writer?.pump() === true; writer = this.#largeControl.peek()) {
      this.#largeControlBytes -= writer.totalBytes
      this.#largeControl.shift()
    }
  }

  publish(): void {
    this.#batch.close()
    this.end.command.publish()
    this.end.control.publish()
  }

  /**
   * To be called before the host sleeps: true if it may, as far as this worker is concerned. What did not fit is asked
   * for here, so that its space rings the host.
   */
  mayRest(): boolean {
    this.#batch.close()
    if (!this.end.outbox.isEmpty()) return false
    const { command, control } = this.end
    const wantedCommand = this.#largeCommand?.nextBytes() ?? this.#commandWanted
    const wantedControl = this.#largeControl.peek()?.nextBytes() ?? this.#controlWanted
    return (
      (wantedCommand === 0 || stillFull(command, wantedCommand)) &&
      (wantedControl === 0 || stillFull(control, wantedControl))
    )
  }

  /** Something did not fit since `beginTurn`. */
  get isFull(): boolean {
    return (
      this.#commandWanted > 0 ||
      this.#controlWanted > 0 ||
      this.#largeCommand !== undefined ||
      this.#largeControl.length > 0
    )
  }

  /** What still does not fit will say so again. */
  beginTurn(): void {
    this.#commandWanted = 0
    this.#controlWanted = 0
    this.pump()
  }

  #tellLinks(): boolean {
    const ring = this.end.control
    for (const link of this.#links.values()) {
      const at = ring.tryClaim(RECORD_KIND.link, LINK_BYTES)
      if (at < 0) {
        this.#controlWanted = Math.max(this.#controlWanted, LINK_BYTES)
        return false
      }
      writeLink(ring.view, ring.bytes, at, link)
      ring.commit()
      this.#links.delete(link.peer)
    }
    return true
  }

  #tellTunes(): void {
    const ring = this.end.control
    for (const [key, { group, detail }] of this.#tunes) {
      const length = GROUP_HEAD_BYTES + detail.length
      const at = ring.tryClaim(RECORD_KIND.tune, length)
      if (at < 0) {
        this.#controlWanted = Math.max(this.#controlWanted, length)
        return
      }
      writeGroupHead(ring.view, at, group)
      copyBytes(detail, 0, detail.length, ring.bytes, at + GROUP_HEAD_BYTES)
      ring.commit()
      this.#tunes.delete(key)
    }
  }

  #tellPorts(): void {
    if (!this.#portsChanged) return
    const ring = this.end.control
    if (ring.tryClaim(RECORD_KIND.ports, 0) < 0) {
      this.#controlWanted = Math.max(this.#controlWanted, 1)
      return
    }
    ring.commit()
    this.#portsChanged = false
  }

  #large(
    group: GroupIndex,
    sequence: number,
    deadline: Millis,
    machine: number,
    flags: number,
    bytes: Uint8Array,
  ): boolean {
    if (this.#largeCommand !== undefined) return false
    const head = new Uint8Array(COMMAND_HEAD_BYTES)
    writeCommand(new DataView(head.buffer), 0, group, machine, flags, sequence, deadline)
    // The caller may write over its bytes, and the fragments take several turns.
    const writer = new FragmentWriter(this.end.command, RECORD_KIND.command, head, copyOf(bytes, 0, bytes.length))
    if (writer.pump()) return true
    this.#largeCommand = writer
    this.#largeGroup = group
    return true
  }

  #largeMessage(group: GroupIndex, from: NodeId, message: Uint8Array): boolean {
    const head = new Uint8Array(MESSAGE_HEAD_BYTES)
    writeMessage(new DataView(head.buffer), 0, group, from)
    return this.#enqueue(new FragmentWriter(this.end.control, RECORD_KIND.message, head, message))
  }

  #enqueue(writer: FragmentWriter): boolean {
    if (this.#largeControl.length > 0 && this.#largeControlBytes + writer.totalBytes > this.#bounds.largeBytes) {
      this.dropped++
      return false
    }
    this.#largeControl.push(writer)
    this.#largeControlBytes += writer.totalBytes
    this.pump()
    return true
  }
}

interface Tune {
  readonly group: GroupIndex
  readonly detail: Uint8Array
}

function stillFull(ring: RingProducer, length: number): boolean {
  return ring.awaitsSpace() || !ring.requestSpace(length)
}
