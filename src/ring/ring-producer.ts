import { Doorbell } from './doorbell.js'
import {
  CONSUMER_WORD,
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

const NO_CLAIM = -1

/** The writing end of a ring. One thread, one object: the positions are cached in it. */
export class RingProducer {
  /** The data area; `tryClaim` returns offsets into it. */
  readonly bytes: Uint8Array<SharedArrayBuffer>
  readonly view: DataView<SharedArrayBuffer>
  readonly capacity: number
  /** The longest payload of one record, so that a record fits into an empty ring whatever padding it needs. */
  readonly maxRecordBytes: number
  /** The fragmented message in progress, if any: fragments.ts keeps a second one out. */
  fragmenting: object | undefined

  private readonly words: Int32Array
  private readonly data: Int32Array
  private readonly mask: number
  private readonly bell: Doorbell | undefined
  private readonly space: Doorbell
  private readonly stillFull = (): boolean => !this.hasSpaceFor(this.wantedLength)
  private wantedLength = 0
  // Positions are int32 and wrap; only their differences mean anything.
  private published: number
  private tail: number
  private consumed: number
  private claimLength = NO_CLAIM
  private claimKind = 0
  private claimFlags = 0
  private claimPadding = 0

  constructor(memory: SharedArrayBuffer, bell?: Doorbell) {
    this.capacity = ringCapacity(memory)
    this.mask = this.capacity - 1
    this.maxRecordBytes = this.capacity / 4 - RECORD_HEADER_BYTES
    this.words = new Int32Array(memory, 0, RING_HEADER_BYTES >> 2)
    this.data = new Int32Array(memory, RING_HEADER_BYTES)
    this.bytes = new Uint8Array(memory, RING_HEADER_BYTES)
    this.view = new DataView(memory, RING_HEADER_BYTES)
    this.bell = bell
    this.space = new Doorbell(memory, SPACE_BELL_BYTE)
    this.tail = Atomics.load(this.words, PRODUCER_WORD)
    this.published = this.tail
    this.consumed = Atomics.load(this.words, CONSUMER_WORD)
  }

  /**
   * Reserves a record and returns where its payload goes, or -1 when the ring is full. Nothing is written before
   * `commit`. `flags` are for fragments.ts.
   */
  tryClaim(kind: number, length: number, flags = 0): number {
    if (this.claimLength !== NO_CLAIM) throw new Error('a ring record is already claimed')
    if (!(length >= 0 && length <= this.maxRecordBytes)) {
      throw new RangeError(`ring record of ${length} bytes, the limit is ${this.maxRecordBytes}`)
    }
    const span = recordSpan(length)
    const tail = this.tail
    const toEnd = this.capacity - (tail & this.mask)
    const padding = span > toEnd ? toEnd : 0
    if (this.capacity - ((tail - this.consumed) | 0) < padding + span) {
      this.consumed = Atomics.load(this.words, CONSUMER_WORD)
      if (this.capacity - ((tail - this.consumed) | 0) < padding + span) return -1
    }
    this.claimLength = length
    this.claimKind = kind & 0xffff
    this.claimFlags = flags
    this.claimPadding = padding
    return ((tail + padding) & this.mask) + RECORD_HEADER_BYTES
  }

  /** Ends the claimed record, which the next `publish` makes visible. It may turn out shorter than claimed. */
  commit(length: number = this.claimLength): void {
    if (this.claimLength === NO_CLAIM || length > this.claimLength)
      throw new Error('no ring record of this length is claimed')
    let position = this.tail
    if (this.claimPadding > 0) {
      this.writeHeader(position, (this.claimPadding - RECORD_HEADER_BYTES) | PADDING_FLAG, 0)
      position = (position + this.claimPadding) | 0
    }
    this.writeHeader(position, length | this.claimFlags, this.claimKind)
    this.tail = (position + recordSpan(length)) | 0
    this.claimLength = NO_CLAIM
  }

  /** Gives the claim back; its space and padding are reused by the next one. */
  abort(): void {
    this.claimLength = NO_CLAIM
  }

  /** Makes all committed records visible; true if there were any. */
  publish(): boolean {
    if (this.tail === this.published) return false
    // The one store that hands over: every plain write of headers and payloads is before it, and the consumer loads
    // this word before it reads any of them. The bell comes after it, or the sleeper's re-check could miss the record.
    Atomics.store(this.words, PRODUCER_WORD, this.tail)
    this.published = this.tail
    if (this.bell !== undefined) this.bell.ring()
    return true
  }

  /** Bytes not in use, record headers included. The consumer may have freed more by the time this returns. */
  freeBytes(): number {
    this.consumed = Atomics.load(this.words, CONSUMER_WORD)
    return this.capacity - ((this.tail - this.consumed) | 0)
  }

  /** Whether `tryClaim` of this length would succeed now. */
  hasSpaceFor(length: number): boolean {
    return this.freeBytes() >= this.bytesNeeded(length)
  }

  /**
   * Publishes, then sleeps until a record of `length` fits; false when the consumer freed nothing for `timeoutMs`.
   * Worker threads only. Publishing first is needed: the consumer cannot free what it cannot see.
   */
  waitForSpace(length: number, timeoutMs: number = Number.POSITIVE_INFINITY): boolean {
    if (this.hasSpaceFor(length)) return true
    this.publish()
    for (;;) {
      this.wantSpace(length)
      const ended = this.space.park(timeoutMs, this.stillFull)
      if (this.hasSpaceFor(length)) return true
      if (ended === 'timed-out') return false
    }
  }

  /**
   * For the host, which does not wait: true when a record of `length` fits now; otherwise the consumer's next release
   * that makes enough room rings the consumer's `spaceBell`, once.
   */
  requestSpace(length: number): boolean {
    this.publish()
    this.wantSpace(length)
    this.space.announce()
    // After the announcement: a release before it has rung nobody.
    if (!this.hasSpaceFor(length)) return false
    this.space.withdraw()
    return true
  }

  /**
   * True while a request has not been answered. To be part of the host's `stillEmpty`: it may sleep only as long as
   * every ring it is blocked on still waits, because an answer before its bell is announced rings nobody.
   */
  awaitsSpace(): boolean {
    return this.space.isParked() && this.stillFull()
  }

  // Stored before the space bell's announcement: a consumer that sees the announcement sees this or a later wish.
  private wantSpace(length: number): void {
    this.wantedLength = length
    Atomics.store(this.words, SPACE_WANTED_WORD, this.bytesNeeded(length))
  }

  private bytesNeeded(length: number): number {
    const span = recordSpan(length)
    const toEnd = this.capacity - (this.tail & this.mask)
    return span > toEnd ? toEnd + span : span
  }

  private writeHeader(position: number, lengthWord: number, kind: number): void {
    const word = (position & this.mask) >> 2
    this.data[word] = lengthWord
    this.data[word + 1] = kind | (recordCheck(lengthWord, kind, position) << 16)
  }
}
