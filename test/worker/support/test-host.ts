import type { GroupIndex, Millis, NodeId } from '../../../src/base/numbers.js'
import { decodePayload, encodePayload, PAYLOAD_CBOR } from '../../../src/codec/payload.js'
import {
  COMMAND_HEAD_BYTES,
  type Consistency,
  decodeDetail,
  type Ended,
  GROUP_HEAD_BYTES,
  type GroupStatus,
  LINK_BYTES,
  type Link,
  MESSAGE_HEAD_BYTES,
  QUERY_REPLY_HEAD_BYTES,
  READ_HEAD_BYTES,
  RECORD_KIND,
  ReplyReader,
  readEnded,
  readGroupHead,
  readQueryReply,
  readStatus,
  readTimer,
  SendRecord,
  type WorkerEvent,
  writeCommand,
  writeLink,
  writeMessage,
  writeRead,
} from '../../../src/codec/worker-records.js'
import { TIMER_KINDS } from '../../../src/core/timers.js'
import { FragmentWriter, MessageReader } from '../../../src/ring/fragments.js'
import { dueIndex, type HostEnd, openHostEnd, type WorkerMemory } from '../../../src/ring/worker-memory.js'

export interface Reply {
  readonly group: GroupIndex
  readonly sequence: number
  readonly instance: number
  readonly index: number
  readonly status: number
  /** Of status 0; else the text. */
  readonly result: unknown
}

export interface ReadReply {
  readonly token: number
  readonly outcome: string
  readonly status: number
  readonly result: unknown
}

export interface SentMessage {
  readonly group: GroupIndex
  readonly to: readonly NodeId[]
  readonly bytes: Uint8Array
}

/** A host of one worker for tests: everything the worker says is kept, nothing happens by itself. */
export class TestHost {
  readonly end: HostEnd
  readonly replies: Reply[] = []
  readonly ended: Ended[] = []
  readonly reads: ReadReply[] = []
  readonly events: { readonly group: GroupIndex; readonly event: WorkerEvent }[] = []
  readonly statuses = new Map<GroupIndex, GroupStatus>()
  readonly timers = new Map<number, Millis>()
  readonly records: string[] = []
  sent: SentMessage[] = []
  /** The group of every vote that went out. */
  readonly votes: GroupIndex[] = []
  #sequences = new Map<GroupIndex, number>()
  readonly #outbox: MessageReader
  readonly #memory: WorkerMemory
  readonly #peers: readonly NodeId[]
  readonly #groups: readonly GroupIndex[]

  constructor(memory: WorkerMemory, peers: readonly NodeId[], groups: readonly GroupIndex[]) {
    this.#memory = memory
    this.#peers = peers
    this.#groups = groups
    this.end = openHostEnd(memory)
    this.#outbox = new MessageReader(this.end.outbox, { maxMessageBytes: 1 << 28 })
  }

  propose(group: GroupIndex, value: unknown, machineId = 1, deadline = Number.POSITIVE_INFINITY): number {
    const { flags, bytes } = encodePayload(value)
    return this.#command(group, machineId, flags, bytes, deadline)
  }

  /** A payload that says it is cbor, whatever it is. */
  proposeRaw(group: GroupIndex, machineId: number, bytes: Uint8Array): number {
    return this.#command(group, machineId, PAYLOAD_CBOR, bytes, Number.POSITIVE_INFINITY)
  }

  get unreadCommandBytes(): number {
    return this.end.command.capacity - this.end.command.freeBytes()
  }

  #command(group: GroupIndex, machineId: number, flags: number, bytes: Uint8Array, deadline: Millis): number {
    const sequence = this.#sequences.get(group) ?? 1
    this.#sequences.set(group, sequence + 1)
    const head = new Uint8Array(COMMAND_HEAD_BYTES)
    writeCommand(new DataView(head.buffer), 0, group, machineId, flags, sequence, deadline)
    this.#write('command', RECORD_KIND.command, head, bytes)
    return sequence
  }

  read(
    group: GroupIndex,
    token: number,
    query: unknown,
    consistency: Consistency = 'quorum',
    machineId = 1,
    deadline = Number.POSITIVE_INFINITY,
  ): void {
    const { flags, bytes } = encodePayload(query)
    const head = new Uint8Array(READ_HEAD_BYTES)
    writeRead(new DataView(head.buffer), 0, { group, token, machineId, flags, consistency, deadline })
    this.#write('control', RECORD_KIND.read, head, bytes)
  }

  link(link: Link): void {
    const bytes = new Uint8Array(LINK_BYTES)
    writeLink(new DataView(bytes.buffer), bytes, 0, link)
    this.#write('control', RECORD_KIND.link, bytes)
  }

  message(group: GroupIndex, from: NodeId, message: Uint8Array): void {
    const head = new Uint8Array(MESSAGE_HEAD_BYTES)
    writeMessage(new DataView(head.buffer), 0, group, from)
    this.#write('control', RECORD_KIND.message, head, message)
  }

  stop(): void {
    this.#write('control', RECORD_KIND.stop, new Uint8Array(0))
  }

  /** Sets the due bits of all timers up to `now`. */
  fireTimers(now: Millis): void {
    for (const [index, at] of this.timers) {
      if (at > now) continue
      this.timers.delete(index)
      this.end.due.set(index)
    }
  }

  /** Takes everything the worker has published. */
  pump(now: Millis): void {
    const reader = this.#outbox
    while (reader.next()) this.#take(reader, now)
    reader.release()
  }

  #take(reader: MessageReader, now: Millis): void {
    const { kind, view, bytes, offset, length } = reader
    const name = Object.entries(RECORD_KIND).find(([, number]) => number === kind)?.[0] ?? String(kind)
    this.records.push(name)
    switch (kind) {
      case RECORD_KIND.send: {
        const record = new SendRecord()
        record.read(view, offset, length)
        const to = this.#peers.filter((_, slot) => record.has(slot))
        this.sent.push({ group: record.group, to, bytes: bytes.slice(record.offset, record.offset + record.length) })
        return
      }
      case RECORD_KIND.reply: {
        const reply = new ReplyReader()
        reply.read(view, bytes, offset, length)
        while (reply.next()) {
          const { group, sequence, instance, index, status } = reply
          const result = resultOf(status, reply.flags, reply.bytes, reply.offset, reply.length)
          this.replies.push({ group, sequence, instance, index, status, result })
        }
        return
      }
      case RECORD_KIND.ended:
        this.ended.push(readEnded(view, offset, length))
        return
      case RECORD_KIND.queryReply: {
        const { token, outcome, status, flags } = readQueryReply(view, offset, length)
        const at = offset + QUERY_REPLY_HEAD_BYTES
        const result =
          outcome === 'answered' ? resultOf(status, flags, bytes, at, length - QUERY_REPLY_HEAD_BYTES) : undefined
        this.reads.push({ token, outcome, status, result })
        return
      }
      case RECORD_KIND.timer: {
        const { group, timer, delayMs } = readTimer(view, offset, length)
        const index = dueIndex(this.#memory, this.#groups.indexOf(group), TIMER_KINDS.indexOf(timer))
        if (delayMs === undefined) this.timers.delete(index)
        else this.timers.set(index, now + delayMs)
        return
      }
      case RECORD_KIND.status: {
        const status = readStatus(view, offset, length)
        this.statuses.set(status.group, status)
        return
      }
      case RECORD_KIND.event: {
        const event = decodeDetail(bytes, offset + GROUP_HEAD_BYTES, length - GROUP_HEAD_BYTES) as WorkerEvent
        this.events.push({ group: readGroupHead(view, offset, length), event })
      }
    }
  }

  #write(ring: 'control' | 'command', kind: number, head: Uint8Array, body?: Uint8Array): void {
    const producer = this.end[ring]
    if (!new FragmentWriter(producer, kind, head, body).pump()) throw new Error(`the ${ring} ring of the test is full`)
    producer.publish()
  }
}

function resultOf(status: number, flags: number, bytes: Uint8Array, offset: number, length: number): unknown {
  if (status === 0) return decodePayload(flags, bytes, offset, length)
  return Buffer.from(bytes.slice(offset, offset + length)).toString()
}
