/** A small seeded generator (sfc32): the same seed gives the same sequence on every machine. Plain fields: see `Queue`. */
export class Random {
  private a: number
  private b: number
  private c: number
  private d = 1

  constructor(seed: number) {
    this.a = seed | 0
    this.b = (seed / 4294967296) | 0
    this.c = 0x9e3779b9
    for (let i = 0; i < 12; i++) this.uint32()
  }

  /** A whole number in 0..2^32-1. */
  uint32(): number {
    const t = (((this.a + this.b) | 0) + this.d) | 0
    this.d = (this.d + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (this.c << 21) | (this.c >>> 11)
    this.c = (this.c + t) | 0
    return t >>> 0
  }

  /** A whole number in 0..bound-1. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 4294967296) * bound)
  }

  /** A number in low..high (high excluded). */
  between(low: number, high: number): number {
    return low + (this.uint32() / 4294967296) * (high - low)
  }

  /** True in a share `probability` of the calls. */
  chance(probability: number): boolean {
    return this.uint32() / 4294967296 < probability
  }
}
