import type { GroupIndex, Instance, NodeId } from '../base/numbers.js'
import { encodedSize, encodeMessage } from '../codec/messages.js'
import { copyBytes } from '../codec/own-bytes.js'
import {
  ENDED_BYTES,
  type EndedOutcome,
  encodeDetail,
  GROUP_HEAD_BYTES,
  type GroupStatus,
  QUERY_REPLY_HEAD_BYTES,
  type QueryOutcome,
  RECORD_KIND,
  REPLY_ENTRY_BYTES,
  type RecordKind,
  ReplyBuilder,
  SEND_HEAD_BYTES,
  STATUS_BYTES,
  TIMER_BYTES,
  type WorkerEvent,
  writeEnded,
  writeGroupHead,
  writeQueryReply,
  writeSend,
  writeStatus,
  writeTimer,
} from '../codec/worker-records.js'
import type { Message } from '../core/messages.js'
import { FragmentWriter } from '../ring/fragments.js'
import type { WorkerGate } from '../ring/gate-word.js'
import type { RingProducer } from '../ring/spsc-ring.js'
import type { Outcome } from '../state-machine/outcome.js'
import type { ReplyOutlet } from './reply-outlet.js'

/** How long one wait for room lasts before the gate is told that this thread is still here. */
const WAIT_MS = 50
const EMPTY = new Uint8Array(0)

/**
 * Everything that leaves a worker. Nothing is lost here: when the outbox is full the worker waits, because the host
 * never waits for a worker. Records become visible by `publish`, or while it waits.
 */
export class Outbox implements ReplyOutlet {
  /** It waits instead. */
  readonly isClogged = false
  readonly #ring: RingProducer
  readonly #gate: WorkerGate
  readonly #slots = new Map<NodeId, number>()
  readonly #reply = new ReplyBuilder()
  #replyGroup: GroupIndex = 0
  #replySequence = 0
  #replyInstance: Instance = 0
  #replyIndex = 0

  /** `peers`: the node of each slot of a peer mask. */
  constructor(ring: RingProducer, gate: WorkerGate, peers: readonly NodeId[]) {
    this.#ring = ring
    this.#gate = gate
    peers.forEach((peer, slot) => {
      this.#slots.set(peer, slot)
    })
  }

  publish(): void {
    this.#ring.publish()
  }

  /** One record, however many receive it. The message is encoded in the ring itself if it fits a record. */
  send(group: GroupIndex, to: readonly NodeId[], message: Message): void {
    let low = 0
    let high = 0
    for (const peer of to) {
      const slot = this.#slots.get(peer) ?? -1
      if (slot >= 32) high |= 1 << (slot - 32)
      else if (slot >= 0) low |= 1 << slot
    }
    if ((low | high) === 0) return
    const length = SEND_HEAD_BYTES + encodedSize(message)
    const ring = this.#ring
    if (length > ring.maxRecordBytes) {
      const bytes = new Uint8Array(length)
      writeSend(new DataView(bytes.buffer), 0, group, low >>> 0, high >>> 0)
      encodeMessage(message, bytes, SEND_HEAD_BYTES)
      this.#writeLarge(RECORD_KIND.send, bytes, EMPTY)
      return
    }
    const at = this.#claim(RECORD_KIND.send, length)
    writeSend(ring.view, at, group, low >>> 0, high >>> 0)
    encodeMessage(message, ring.bytes, at + SEND_HEAD_BYTES)
    ring.commit()
  }

  /** Begins the results of consecutive commands of a run; `addReply` for each, then `endReply`. */
  beginReply(group: GroupIndex, sequence: number, instance: Instance, index: number): void {
    this.#replyGroup = group
    this.#replySequence = sequence
    this.#replyInstance = instance
    this.#replyIndex = index
    this.#reply.begin(group, sequence, instance, index)
  }

  addReply({ status, flags, bytes }: Outcome): void {
    const reply = this.#reply
    const { count } = reply
    if (count > 0 && reply.byteLength + REPLY_ENTRY_BYTES + bytes.length > this.#ring.maxRecordBytes) {
      this.endReply()
      this.beginReply(this.#replyGroup, this.#replySequence + count, this.#replyInstance, this.#replyIndex + count)
    }
    reply.add(status, flags, bytes)
  }

  endReply(): void {
    const reply = this.#reply
    if (reply.count === 0) return
    const length = reply.byteLength
    if (length > this.#ring.maxRecordBytes) {
      this.#writeLarge(RECORD_KIND.reply, reply.finish(), EMPTY)
      return
    }
    const at = this.#claim(RECORD_KIND.reply, length)
    reply.writeTo(this.#ring.bytes, at)
    this.#ring.commit()
  }

  ended(group: GroupIndex, sequence: number, count: number, outcome: EndedOutcome): void {
    const at = this.#claim(RECORD_KIND.ended, ENDED_BYTES)
    writeEnded(this.#ring.view, at, { group, sequence, count, outcome })
    this.#ring.commit()
  }

  answer(group: GroupIndex, token: number, { status, flags, bytes }: Outcome): void {
    const length = QUERY_REPLY_HEAD_BYTES + bytes.length
    const head = { group, token, outcome: 'answered', status, flags } as const
    if (length > this.#ring.maxRecordBytes) {
      const large = new Uint8Array(length)
      writeQueryReply(new DataView(large.buffer), 0, head)
      large.set(bytes, QUERY_REPLY_HEAD_BYTES)
      this.#writeLarge(RECORD_KIND.queryReply, large, EMPTY)
      return
    }
    const at = this.#claim(RECORD_KIND.queryReply, length)
    writeQueryReply(this.#ring.view, at, head)
    copyBytes(bytes, 0, bytes.length, this.#ring.bytes, at + QUERY_REPLY_HEAD_BYTES)
    this.#ring.commit()
  }

  /** A read that gets no answer. */
  unanswered(group: GroupIndex, token: number, outcome: Exclude<QueryOutcome, 'answered'>): void {
    const at = this.#claim(RECORD_KIND.queryReply, QUERY_REPLY_HEAD_BYTES)
    writeQueryReply(this.#ring.view, at, { group, token, outcome, status: 0, flags: 0 })
    this.#ring.commit()
  }

  timer(group: GroupIndex, kind: number, delayMs: number): void {
    const at = this.#claim(RECORD_KIND.timer, TIMER_BYTES)
    writeTimer(this.#ring.view, at, group, kind, delayMs)
    this.#ring.commit()
  }

  status(status: GroupStatus): void {
    const at = this.#claim(RECORD_KIND.status, STATUS_BYTES)
    writeStatus(this.#ring.view, at, status)
    this.#ring.commit()
  }

  event(group: GroupIndex, event: WorkerEvent): void {
    const detail = encodeDetail(event)
    const head = new Uint8Array(GROUP_HEAD_BYTES)
    writeGroupHead(new DataView(head.buffer), 0, group)
    this.#writeLarge(RECORD_KIND.event, head, detail)
  }

  #claim(kind: RecordKind, length: number): number {
    for (;;) {
      const at = this.#ring.tryClaim(kind, length)
      if (at >= 0) return at
      this.#gate.progress()
      this.#ring.waitForSpace(length, WAIT_MS)
    }
  }

  /** One record if it fits, else fragments. */
  #writeLarge(kind: RecordKind, head: Uint8Array, body: Uint8Array): void {
    const writer = new FragmentWriter(this.#ring, kind, head, body)
    while (!writer.pumpWaiting(WAIT_MS)) this.#gate.progress()
  }
}
