import { Doorbell } from './doorbell.js'
import {
  CONSUMER_WORD,
  LENGTH_MASK,
  PADDING_FLAG,
  PRODUCER_WORD,
  RECORD_HEADER_BYTES,
  RING_HEADER_BYTES,
  recordCheck,
  recordSpan,
  ringCapacity,
  SPACE_BELL_BYTE,
  SPACE_WANTED_WORD,
} from './layout.js'
import { RingCorrupt } from './ring-corrupt.js'

/** The reading end of a ring. One thread, one object: the positions are cached in it. */
export class RingConsumer {
  /** The data area. A record's bytes are the producer's again after `release`. */
  readonly bytes: Uint8Array<SharedArrayBuffer>
  readonly view: DataView<SharedArrayBuffer>
  readonly capacity: number

  /** The current record, after `next` returned true. `offset` is a multiple of 8. */
  kind = 0
  offset = 0
  length = 0
  /** Fragment flags, 0 for a whole record: see fragments.ts. */
  flags = 0

  private readonly words: Int32Array
  private readonly data: Int32Array
  private readonly mask: number
  private readonly space: Doorbell
  private readonly spaceBell: Doorbell | undefined
  private position: number
  private released: number
  private limit: number
  private frozen = false

  /** `spaceBell` is rung when space becomes free that a host asked for with `requestSpace`. */
  constructor(memory: SharedArrayBuffer, spaceBell?: Doorbell) {
    this.capacity = ringCapacity(memory)
    this.mask = this.capacity - 1
    this.words = new Int32Array(memory, 0, RING_HEADER_BYTES >> 2)
    this.data = new Int32Array(memory, RING_HEADER_BYTES)
    this.bytes = new Uint8Array(memory, RING_HEADER_BYTES)
    this.view = new DataView(memory, RING_HEADER_BYTES)
    this.space = new Doorbell(memory, SPACE_BELL_BYTE)
    this.spaceBell = spaceBell
    this.position = Atomics.load(this.words, CONSUMER_WORD)
    this.released = this.position
    this.limit = this.position
  }

  /** Moves to the next visible record. Throws `RingCorrupt`, and will again, where there cannot be one. */
  next(): boolean {
    for (;;) {
      const position = this.position
      if (position === this.limit && (this.frozen || this.refresh() === 0)) return false
      const at = position & this.mask
      const lengthWord = this.data[at >> 2] as number
      const second = this.data[(at >> 2) + 1] as number
      const kind = second & 0xffff
      const length = lengthWord & LENGTH_MASK
      const span = recordSpan(length)
      if (
        second >>> 16 !== recordCheck(lengthWord, kind, position) ||
        span > ((this.limit - position) | 0) ||
        span > this.capacity - at
      ) {
        this.refuse(lengthWord, second)
      }
      this.position = (position + span) | 0
      if ((lengthWord & PADDING_FLAG) !== 0) continue
      this.kind = kind
      this.offset = at + RECORD_HEADER_BYTES
      this.length = length
      this.flags = lengthWord & ~LENGTH_MASK
      return true
    }
  }

  /**
   * Fixes what is visible: `next` stops at what has been published up to now, until the next `snapshot` or `follow`.
   * Returns the bytes to be read, headers included.
   */
  snapshot(): number {
    this.frozen = true
    return this.refresh()
  }

  /** Ends the snapshot: `next` sees what is published while it drains. This is how a consumer starts. */
  follow(): void {
    this.frozen = false
  }

  /** Whether nothing unread is published, a snapshot notwithstanding: this is the question to ask before parking. */
  isEmpty(): boolean {
    return Atomics.load(this.words, PRODUCER_WORD) === this.position
  }

  /** Gives back the space of all records passed so far, the current one included: their bytes are void from here on. */
  release(): void {
    const position = this.position
    if (position === this.released) return
    // Every read of the payloads is before this store; the producer loads this word before it writes over them.
    Atomics.store(this.words, CONSUMER_WORD, position)
    this.released = position
    // After the store: a producer that announces itself later re-checks and finds the space.
    if (this.space.isParked()) this.signalSpace()
  }

  private signalSpace(): void {
    const free = this.capacity - ((Atomics.load(this.words, PRODUCER_WORD) - this.released) | 0)
    if (free < Atomics.load(this.words, SPACE_WANTED_WORD)) return
    this.space.ring()
    // Second: who sleeps on this bell does so only while its request stands, see `awaitsSpace`.
    this.spaceBell?.ring()
  }

  private refresh(): number {
    const limit = Atomics.load(this.words, PRODUCER_WORD)
    const visible = (limit - this.position) | 0
    if (visible < 0 || visible > this.capacity || (limit & 7) !== 0) {
      throw new RingCorrupt(`producer position ${limit >>> 0}`, this.position)
    }
    this.limit = limit
    return visible
  }

  private refuse(lengthWord: number, second: number): never {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
    throw new RingCorrupt(`record header ${hex(lengthWord)} ${hex(second)}`, this.position)
  }
}
