import type { Doorbell } from './doorbell.js'

/**
 * One bit per timer, set by the host when the timer is due and taken by the worker. A bit cannot be lost, cannot pile
 * up, and does not stand in a queue behind commands; setting it twice before it is taken is setting it once.
 */
export function allocateDueBits(count: number): SharedArrayBuffer {
  if (!(Number.isInteger(count) && count > 0)) throw new RangeError(`due bits: count must be at least 1, got ${count}`)
  return new SharedArrayBuffer(Math.ceil(count / 32) * 4)
}

export class DueBits {
  private readonly words: Int32Array
  private readonly bell: Doorbell | undefined

  constructor(memory: SharedArrayBuffer, bell?: Doorbell) {
    this.words = new Int32Array(memory)
    this.bell = bell
  }

  /** Sets a bit and rings. False if it was set already: its worker has not come round yet. */
  set(index: number): boolean {
    if (!(index >= 0 && index >> 5 < this.words.length)) throw new RangeError(`no due bit ${index}`)
    const bit = 1 << (index & 31)
    const before = Atomics.or(this.words, index >> 5, bit)
    this.bell?.ring()
    return (before & bit) === 0
  }

  isEmpty(): boolean {
    for (let i = 0; i < this.words.length; i++) if (Atomics.load(this.words, i) !== 0) return false
    return true
  }

  /**
   * Visits and clears every bit that is set; returns how many. A bit is cleared before its visit, so one set during the
   * visit is found by the next `take`. If a visit throws, the bits not visited yet are put back.
   */
  take(visit: (index: number) => void): number {
    let taken = 0
    for (let i = 0; i < this.words.length; i++) {
      if (Atomics.load(this.words, i) === 0) continue
      let bits = Atomics.exchange(this.words, i, 0)
      try {
        while (bits !== 0) {
          const bit = 31 - Math.clz32(bits & -bits)
          bits &= bits - 1
          taken++
          visit(i * 32 + bit)
        }
      } finally {
        if (bits !== 0) Atomics.or(this.words, i, bits)
      }
    }
    return taken
  }
}
