/**
 * When something that only grows (a position of a log, a sequence, a time) came to where: the latest notes of one
 * writer, in shared memory, for readers in other threads. A note costs a few stores; a look is for measurements, and may
 * find that what it looks for has been written over.
 */

const HEAD_BYTES = 128
const NOTE_BYTES = 16

/** `capacity`: how many notes are remembered. */
export function historyBytes(capacity: number): number {
  return HEAD_BYTES + capacity * NOTE_BYTES
}

/** One with memory of its own, for its writer alone. */
export function ownHistory(capacity: number): PositionHistory {
  return new PositionHistory(new SharedArrayBuffer(historyBytes(capacity)), 0, capacity)
}

export class PositionHistory {
  private readonly written: Int32Array
  private readonly notes: Float64Array
  private readonly capacity: number
  private count: number
  private last = 0

  /** `memory` of `historyBytes(capacity)` from `offset` on, a multiple of 8, all zero at first. */
  constructor(memory: SharedArrayBuffer, offset: number, capacity: number) {
    this.written = new Int32Array(memory, offset, 1)
    this.notes = new Float64Array(memory, offset + HEAD_BYTES, capacity * 2)
    this.capacity = capacity
    this.count = Atomics.load(this.written, 0)
  }

  /** The writer: nothing happens unless `position` is above all before it. */
  note(position: number, at: number): void {
    if (position <= this.last) return
    this.last = position
    const place = (this.count % this.capacity) * 2
    this.notes[place] = position
    this.notes[place + 1] = at
    this.count = (this.count + 1) & 0x7fff_ffff
    Atomics.store(this.written, 0, this.count)
  }

  /** The first note of `position` or more; undefined if there is none yet, or if it is forgotten. */
  find(position: number): { readonly position: number; readonly at: number } | undefined {
    const count = Atomics.load(this.written, 0)
    const oldest = Math.max(0, count - this.capacity)
    let low = oldest
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.notes[(middle % this.capacity) * 2] as number) < position) low = middle + 1
      else high = middle
    }
    // The oldest note there is may not be the first one that passed the position.
    if (low === count || (low === oldest && oldest > 0)) return undefined
    const place = (low % this.capacity) * 2
    const found = { position: this.notes[place] as number, at: this.notes[place + 1] as number }
    // The place may have been written over meanwhile.
    return Atomics.load(this.written, 0) - low >= this.capacity ? undefined : found
  }
}
