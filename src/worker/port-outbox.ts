import type { GroupIndex, Instance } from '../base/numbers.js'
import { Queue } from '../base/queue.js'
import { copyOf } from '../codec/own-bytes.js'
import {
  ENDED_BYTES,
  type EndedOutcome,
  QUERY_REPLY_HEAD_BYTES,
  type QueryOutcome,
  type QueryReplyHead,
  RECORD_KIND,
  REPLY_ENTRY_BYTES,
  type RecordKind,
  ReplyBuilder,
  writeEnded,
  writeQueryReply,
} from '../codec/worker-records.js'
import { FragmentWriter } from '../ring/fragments.js'
import { KEPT_RINGS } from '../ring/port-memory.js'
import type { RingProducer } from '../ring/spsc-ring.js'
import { type Outcome, OutcomeStatus } from '../state-machine/outcome.js'
import type { ReplyOutlet } from './reply-outlet.js'

const EMPTY = new Uint8Array(0)

/**
 * What leaves for one port of the application. Its thread may stand still for as long as it likes, or be gone, so this
 * one never waits: what the ring has no room for is kept here, in order. While anything is kept, nothing more is taken in
 * from this port; and when that is not enough, because what was taken in before has large results, they are dropped: each
 * caller still hears that its command was executed.
 */
export class PortOutbox implements ReplyOutlet {
  readonly #ring: RingProducer
  readonly #kept = new Queue<FragmentWriter>()
  readonly #reply = new ReplyBuilder()
  readonly #head = new Uint8Array(Math.max(ENDED_BYTES, QUERY_REPLY_HEAD_BYTES))
  readonly #headView = new DataView(this.#head.buffer)
  #keptBytes = 0
  #isClosed = false
  #group: GroupIndex = 0
  #number = 0
  #instance: Instance = 0
  #index = 0

  constructor(ring: RingProducer) {
    this.#ring = ring
  }

  get isClogged(): boolean {
    return this.#kept.length > 0
  }

  /** Nobody reads here any more. */
  close(): void {
    this.#isClosed = true
    this.#kept.clear()
    this.#keptBytes = 0
  }

  publish(): void {
    for (let writer = this.#kept.peek(); writer?.pump() === true; writer = this.#kept.peek()) {
      this.#keptBytes -= writer.totalBytes
      this.#kept.shift()
    }
    this.#ring.publish()
  }

  /** Asked before a park: nothing is kept, or the port's thread rings when there is room for it. */
  get mayRest(): boolean {
    const writer = this.#kept.peek()
    return writer === undefined || this.#ring.awaitsSpace() || !this.#ring.requestSpace(writer.nextBytes())
  }

  beginReply(group: GroupIndex, number: number, instance: Instance, index: number): void {
    this.#group = group
    this.#number = number
    this.#instance = instance
    this.#index = index
    this.#reply.begin(group, number, instance, index)
  }

  addReply({ status, flags, bytes }: Outcome): void {
    const reply = this.#reply
    const { count } = reply
    if (count > 0 && reply.byteLength + REPLY_ENTRY_BYTES + bytes.length > this.#ring.maxRecordBytes) {
      this.endReply()
      this.beginReply(this.#group, this.#number + count, this.#instance, this.#index + count)
    }
    if (this.#isFull && bytes.length > 0) reply.add(OutcomeStatus.unread, 0, EMPTY)
    else reply.add(status, flags, bytes)
  }

  endReply(): void {
    if (this.#reply.count > 0) this.#put(RECORD_KIND.reply, this.#reply.finish(), EMPTY)
  }

  ended(group: GroupIndex, sequence: number, count: number, outcome: EndedOutcome): void {
    writeEnded(this.#headView, 0, { group, sequence, count, outcome })
    this.#put(RECORD_KIND.ended, this.#head.subarray(0, ENDED_BYTES), EMPTY)
  }

  answer(group: GroupIndex, token: number, { status, flags, bytes }: Outcome): void {
    const head = { group, token, outcome: 'answered' } as const
    if (this.#isFull && bytes.length > 0) this.#answer({ ...head, status: OutcomeStatus.unread, flags: 0 }, EMPTY)
    else this.#answer({ ...head, status, flags }, bytes)
  }

  unanswered(group: GroupIndex, token: number, outcome: Exclude<QueryOutcome, 'answered'>): void {
    this.#answer({ group, token, outcome, status: 0, flags: 0 }, EMPTY)
  }

  #answer(head: QueryReplyHead, bytes: Uint8Array): void {
    writeQueryReply(this.#headView, 0, head)
    this.#put(RECORD_KIND.queryReply, this.#head.subarray(0, QUERY_REPLY_HEAD_BYTES), bytes)
  }

  get #isFull(): boolean {
    return this.#keptBytes >= KEPT_RINGS * this.#ring.capacity
  }

  /** Copies both: they are written over by the next record. */
  #put(kind: RecordKind, head: Uint8Array, body: Uint8Array): void {
    if (this.#isClosed) return
    const ring = this.#ring
    const length = head.length + body.length
    if (this.#kept.length === 0 && length <= ring.maxRecordBytes) {
      const at = ring.tryClaim(kind, length)
      if (at >= 0) {
        ring.bytes.set(head, at)
        if (body.length > 0) ring.bytes.set(body, at + head.length)
        ring.commit()
        return
      }
    }
    const writer = new FragmentWriter(ring, kind, copyOf(head, 0, head.length), copyOf(body, 0, body.length))
    this.#kept.push(writer)
    this.#keptBytes += length
  }
}
