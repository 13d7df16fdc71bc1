import { ABORTED_FLAG, CONTINUED_FLAG, MORE_FLAG } from './layout.js'
import type { RingConsumer } from './ring-consumer.js'
import { RingCorrupt } from './ring-corrupt.js'
import type { RingProducer } from './ring-producer.js'

/**
 * A message longer than a record travels as fragments: first (MORE), middle (MORE and CONTINUED), last (CONTINUED); or
 * an abort marker (CONTINUED and ABORTED) after which the reader forgets what it has. All carry the message's kind. The
 * first one begins with the message's length, so the reader can refuse it at once and allocates once.
 *
 * One fragmented message at a time per ring. Whole records may go in between: they are delivered at once and so
 * overtake the fragmented message, whose place in the order is that of its last fragment.
 */
const FIRST_PREFIX_BYTES = 8
const EMPTY = new Uint8Array(0)

export class FragmentWriter {
  readonly kind: number
  readonly totalBytes: number
  private readonly producer: RingProducer
  private readonly head: Uint8Array
  private readonly body: Uint8Array
  private sent = 0
  private done = false
  private aborting = false

  /** The message is head, then body; neither may change until the writer is done. */
  constructor(producer: RingProducer, kind: number, head: Uint8Array, body: Uint8Array = EMPTY) {
    this.producer = producer
    this.kind = kind
    this.head = head
    this.body = body
    this.totalBytes = head.length + body.length
  }

  isDone(): boolean {
    return this.done
  }

  /** Writes what fits; true when all of it, or the abort marker, is written. Publishing is the caller's. */
  pump(): boolean {
    if (this.done) return true
    if (this.aborting) return this.abort()
    if (this.totalBytes <= this.producer.maxRecordBytes) {
      const at = this.producer.tryClaim(this.kind, this.totalBytes)
      if (at < 0) return false
      this.copy(at, 0, this.totalBytes)
      this.producer.commit()
      this.done = true
      return true
    }
    if (this.producer.fragmenting !== undefined && this.producer.fragmenting !== this) {
      throw new Error('another fragmented message is in progress in this ring')
    }
    this.producer.fragmenting = this
    while (this.sent < this.totalBytes) if (!this.writeFragment()) return false
    this.end()
    return true
  }

  /**
   * Gives the message up: a marker makes the reader drop what it has of it. False while the ring has no room for the
   * marker; `pump` goes on trying. Nothing happens to a message that is already written.
   */
  abort(): boolean {
    if (this.done) return true
    this.aborting = true
    if (this.sent > 0) {
      if (this.producer.tryClaim(this.kind, 0, CONTINUED_FLAG | ABORTED_FLAG) < 0) return false
      this.producer.commit()
    }
    this.end()
    return true
  }

  /** The payload of the record that `pump` wants to write next: what to wait for. */
  nextBytes(): number {
    if (this.done || this.aborting) return 0
    if (this.totalBytes <= this.producer.maxRecordBytes) return this.totalBytes
    const prefix = this.sent === 0 ? FIRST_PREFIX_BYTES : 0
    return Math.min(this.producer.maxRecordBytes, prefix + this.totalBytes - this.sent)
  }

  /** Worker threads only: pumps and sleeps until done; false after the timeout, which is one for each fragment. */
  pumpWaiting(timeoutMs: number = Number.POSITIVE_INFINITY): boolean {
    while (!this.pump()) if (!this.producer.waitForSpace(this.nextBytes(), timeoutMs)) return false
    return true
  }

  private writeFragment(): boolean {
    const first = this.sent === 0
    const prefix = first ? FIRST_PREFIX_BYTES : 0
    const length = this.nextBytes() - prefix
    const last = this.sent + length === this.totalBytes
    const at = this.producer.tryClaim(this.kind, prefix + length, (first ? 0 : CONTINUED_FLAG) | (last ? 0 : MORE_FLAG))
    if (at < 0) return false
    if (first) this.producer.view.setUint32(at, this.totalBytes, true)
    this.copy(at + prefix, this.sent, length)
    this.producer.commit()
    this.sent += length
    return true
  }

  private copy(to: number, from: number, length: number): void {
    const inHead = Math.max(0, Math.min(length, this.head.length - from))
    if (inHead > 0) this.producer.bytes.set(this.head.subarray(from, from + inHead), to)
    const bodyFrom = from + inHead - this.head.length
    if (inHead < length) this.producer.bytes.set(this.body.subarray(bodyFrom, bodyFrom + length - inHead), to + inHead)
  }

  private end(): void {
    this.done = true
    if (this.producer.fragmenting === this) this.producer.fragmenting = undefined
  }
}

export interface MessageReaderOptions {
  /** A fragmented message above this is dropped and counted, not assembled. */
  readonly maxMessageBytes: number
  readonly onDropped?: (kind: number, totalBytes: number) => void
}

/** Yields whole messages: those of one record in place, without a copy; the others in a buffer of their own. */
export class MessageReader {
  kind = 0
  bytes: Uint8Array
  view: DataView
  offset = 0
  length = 0
  /** True: the bytes are the ring's and void after `release`. False: the message has a buffer of its own, to keep. */
  inPlace = true
  /** Messages dropped for being above the bound, and messages that their writer aborted. */
  dropped = 0
  aborted = 0

  private readonly consumer: RingConsumer
  private readonly options: MessageReaderOptions
  private assembling = false
  private buffer: Uint8Array | undefined
  private total = 0
  private received = 0

  constructor(consumer: RingConsumer, options: MessageReaderOptions) {
    this.consumer = consumer
    this.options = options
    this.bytes = consumer.bytes
    this.view = consumer.view
  }

  /**
   * Moves to the next whole message. Call `release` at the end of the drain also when there was none: fragments may
   * have been taken in, and the rest of a message longer than the ring comes only into the space they free.
   */
  next(): boolean {
    const consumer = this.consumer
    while (consumer.next()) {
      if (consumer.flags === 0) {
        this.kind = consumer.kind
        this.bytes = consumer.bytes
        this.view = consumer.view
        this.offset = consumer.offset
        this.length = consumer.length
        this.inPlace = true
        return true
      }
      if (this.takeFragment()) return true
    }
    return false
  }

  release(): void {
    this.consumer.release()
  }

  private takeFragment(): boolean {
    const { flags, kind, offset, length, bytes } = this.consumer
    const continued = (flags & CONTINUED_FLAG) !== 0
    if (continued !== this.assembling) throw new RingCorrupt('fragment out of order', offset)
    if ((flags & ABORTED_FLAG) !== 0) {
      this.reset()
      this.aborted++
      return false
    }
    const prefix = continued ? 0 : FIRST_PREFIX_BYTES
    if (!continued) this.begin(kind, this.consumer.view.getUint32(offset, true))
    const part = length - prefix
    const last = (flags & MORE_FLAG) === 0
    if (part <= 0 || this.received + part > this.total || last !== (this.received + part === this.total)) {
      throw new RingCorrupt(`fragments of a message of ${this.total} bytes do not add up`, offset)
    }
    this.buffer?.set(bytes.subarray(offset + prefix, offset + length), this.received)
    this.received += part
    return last && this.finish(kind)
  }

  private begin(kind: number, total: number): void {
    this.assembling = true
    this.total = total
    this.received = 0
    if (total <= this.options.maxMessageBytes) {
      this.buffer = new Uint8Array(total)
      return
    }
    this.dropped++
    this.options.onDropped?.(kind, total)
  }

  private finish(kind: number): boolean {
    const buffer = this.buffer
    this.reset()
    if (buffer === undefined) return false
    this.kind = kind
    this.bytes = buffer
    this.view = new DataView(buffer.buffer)
    this.offset = 0
    this.length = buffer.length
    this.inPlace = false
    return true
  }

  private reset(): void {
    this.assembling = false
    this.buffer = undefined
    this.received = 0
    this.total = 0
  }
}
