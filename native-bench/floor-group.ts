import { Queue } from '../src/base/queue.js'
import { encodeRuns, RUN_HEADER_BYTES } from '../src/codec/commands.js'
import { RunBuilder } from '../src/codec/run-builder.js'
import type { Head, LogRecord } from '../src/core/durable.js'
import type { RingProducer } from '../src/ring/spsc-ring.js'
import type { GroupWrite } from '../src/store/log-store.js'
import {
  BATCH_BYTES,
  BATCH_COUNT,
  DONE_BYTES,
  FLOOR_MESSAGE,
  FLOOR_MESSAGE_HEAD_BYTES,
  FLOOR_RECORD,
  MESSAGE_HEAD_BYTES,
} from './floor-records.js'

const BALLOT = 65_537
const EMPTY = new Uint8Array(0)

interface Batch {
  readonly number: number
  readonly first: number
  readonly count: number
}

/** One group of the floor: batches instead of instances, counted acknowledgements instead of a protocol. */
export class FloorGroup {
  readonly index: number
  readonly #outbox: RingProducer
  readonly #leads: boolean
  readonly #others: number
  readonly #majority: number
  /** By slot: up to where each process has it on disk. */
  readonly #durable: number[]
  readonly #open = new Queue<Batch>()
  readonly #builder = new RunBuilder()
  #first = 0
  #last = 0
  #chosen = 0
  #records: LogRecord[] = []

  constructor(index: number, slot: number, nodes: number, outbox: RingProducer) {
    this.index = index
    this.#outbox = outbox
    this.#leads = slot === 0
    this.#others = ((1 << nodes) - 1) & ~1
    this.#majority = Math.floor(nodes / 2) + 1
    this.#durable = new Array<number>(nodes).fill(0)
  }

  command(sequence: number, bytes: Uint8Array, offset: number, length: number): void {
    const builder = this.#builder
    if (builder.count === 0) this.#first = sequence
    else if (builder.count >= BATCH_COUNT || RUN_HEADER_BYTES + builder.byteLength + length > BATCH_BYTES) {
      this.cut()
      this.#first = sequence
    }
    builder.add(1, 0, bytes, offset, length)
  }

  /** Makes a batch of what was gathered, and sends it before it is on this process's own disk. */
  cut(): void {
    const { count } = this.#builder
    if (count === 0) return
    const body = this.#builder.take()
    const first = this.#first
    const run = { origin: 1, incarnation: '0000000000000001', session: 1, sequence: first, count, floor: 0, body }
    const value = encodeRuns([run])
    this.#last++
    this.#open.push({ number: this.#last, first, count })
    this.#records.push({ instance: this.#last, ballot: BALLOT, recoveredTo: 0, version: 0, value })
    this.#send(FLOOR_MESSAGE.accept, this.#others, this.#last, value)
  }

  message(from: number, view: DataView, bytes: Uint8Array, offset: number, length: number): void {
    const batch = view.getFloat64(offset + 8, true)
    if (view.getUint32(offset, true) === FLOOR_MESSAGE.accepted) {
      this.#durable[from] = batch
      return
    }
    this.#chosen = Math.max(this.#chosen, view.getFloat64(offset + 16, true))
    this.#last = batch
    // A copy: the ring's slot is written again, and the store refuses memory that threads share.
    const value = bytes.slice(offset + FLOOR_MESSAGE_HEAD_BYTES, offset + length)
    this.#records.push({ instance: batch, ballot: BALLOT, recoveredTo: 0, version: 0, value })
  }

  /** What the round's commit has to hold; undefined if nothing. */
  write(): GroupWrite | undefined {
    const records = this.#records
    if (records.length === 0) return undefined
    this.#records = []
    const chosenUpTo = Math.min(this.#chosen, this.#last)
    const head: Head = { promised: BALLOT, chosenUpTo, chain: 0, lastAccepted: this.#last, firstKept: 1 }
    return { group: this.index, records, head }
  }

  /** After the commit. */
  persisted(): void {
    if (this.#leads) this.#durable[0] = this.#last
    else this.#send(FLOOR_MESSAGE.accepted, 1, this.#last, EMPTY)
  }

  /** Answers what a majority holds. */
  answer(): void {
    if (!this.#leads || this.#open.length === 0) return
    const reached = [...this.#durable].sort((a, b) => b - a)[this.#majority - 1] ?? 0
    for (let batch = this.#open.peek(); batch !== undefined && batch.number <= reached; batch = this.#open.peek()) {
      this.#open.shift()
      this.#chosen = batch.number
      const at = this.#claim(FLOOR_RECORD.done, DONE_BYTES)
      const { view } = this.#outbox
      view.setUint32(at, this.index, true)
      view.setUint32(at + 4, batch.count, true)
      view.setFloat64(at + 8, batch.first, true)
      this.#outbox.commit()
    }
  }

  #send(kind: number, mask: number, batch: number, value: Uint8Array): void {
    const at = this.#claim(FLOOR_RECORD.send, MESSAGE_HEAD_BYTES + FLOOR_MESSAGE_HEAD_BYTES + value.length)
    const { view, bytes } = this.#outbox
    view.setUint32(at, this.index, true)
    view.setUint32(at + 4, mask, true)
    const message = at + MESSAGE_HEAD_BYTES
    view.setUint32(message, kind, true)
    view.setUint32(message + 4, 0, true)
    view.setFloat64(message + 8, batch, true)
    view.setFloat64(message + 16, this.#chosen, true)
    bytes.set(value, message + FLOOR_MESSAGE_HEAD_BYTES)
    this.#outbox.commit()
  }

  #claim(kind: number, length: number): number {
    for (;;) {
      const at = this.#outbox.tryClaim(kind, length)
      if (at >= 0) return at
      this.#outbox.waitForSpace(length)
    }
  }
}
