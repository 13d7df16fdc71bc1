import { RingCorrupt } from './ring-corrupt.js'

/**
 * Byte layout of one ring. The algorithm in ring-producer.ts and ring-consumer.ts uses these names only.
 *
 *   byte 0     magic word
 *   byte 128   producer position   (written by the producer only)
 *   byte 256   consumer position   (written by the consumer only)
 *   byte 384   space bell          (two words of doorbell.ts), then the number of bytes the producer waits for
 *   byte 512   data area, a power of two
 *
 * 128 bytes apart: neighbouring cache lines are fetched in pairs, so 64 would still make the two sides share.
 */
export const RING_HEADER_BYTES = 512
const MAGIC_WORD = 0
export const PRODUCER_WORD = 128 >> 2
export const CONSUMER_WORD = 256 >> 2
export const SPACE_BELL_BYTE = 384
export const SPACE_WANTED_WORD = (384 + 8) >> 2

const MAGIC = 0x53505352
const MIN_CAPACITY = 256
// The flags take the top four bits of the length word; a quarter of this capacity stays far below them.
const MAX_CAPACITY = 1 << 29

/** Record header: u32 length with flags in the top four bits, u16 kind, u16 check. */
export const RECORD_HEADER_BYTES = 8
export const LENGTH_MASK = 0x0fffffff
export const PADDING_FLAG = 1 << 31
export const MORE_FLAG = 1 << 30
export const CONTINUED_FLAG = 1 << 29
export const ABORTED_FLAG = 1 << 28

/** Bytes of a record in the ring: header and payload, rounded up to 8. */
export function recordSpan(payloadBytes: number): number {
  return (payloadBytes + RECORD_HEADER_BYTES + 7) & ~7
}

/**
 * The check covers the position too: what an earlier lap left behind is a valid record of another position, and must
 * not pass for one of this lap. It is there to find bugs and stray writes, it is no checksum of the payload.
 */
export function recordCheck(lengthWord: number, kind: number, position: number): number {
  const mixed = Math.imul(lengthWord ^ (position >>> 3), 0x9e3779b1) ^ Math.imul(kind + 0x5bd1, 0x85ebca6b)
  return (mixed ^ (mixed >>> 15)) >>> 16
}

export interface RingOptions {
  /** Tests only: where both positions start, so that the wrap of the 32-bit positions is near. A multiple of 8. */
  readonly startPosition?: number
}

/** A ring whose data area is `capacityBytes`, rounded up to a power of two. */
export function allocateRing(capacityBytes: number, options: RingOptions = {}): SharedArrayBuffer {
  if (!(capacityBytes > 0 && capacityBytes <= MAX_CAPACITY)) {
    throw new RangeError(`ring capacity must be 1 to ${MAX_CAPACITY} bytes, got ${capacityBytes}`)
  }
  const start = options.startPosition ?? 0
  if (start % 8 !== 0) throw new RangeError(`ring start position must be a multiple of 8, got ${start}`)
  let capacity = MIN_CAPACITY
  while (capacity < capacityBytes) capacity *= 2
  const memory = new SharedArrayBuffer(RING_HEADER_BYTES + capacity)
  const words = new Int32Array(memory, 0, RING_HEADER_BYTES >> 2)
  words[MAGIC_WORD] = MAGIC
  words[PRODUCER_WORD] = start | 0
  words[CONSUMER_WORD] = start | 0
  return memory
}

/** The capacity of the ring in `memory`; throws where there is none. */
export function ringCapacity(memory: SharedArrayBuffer): number {
  const capacity = memory.byteLength - RING_HEADER_BYTES
  if (capacity < MIN_CAPACITY || (capacity & (capacity - 1)) !== 0) throw new RingCorrupt('not the size of a ring', 0)
  if (new Int32Array(memory, 0, 1)[MAGIC_WORD] !== MAGIC) throw new RingCorrupt('no ring in this memory', 0)
  return capacity
}
