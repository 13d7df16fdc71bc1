import type { Random } from '../../src/base/random.js'

/** What YCSB uses everywhere. */
export const THETA = 0.99

/**
 * Ranks from 0 on, rank r with a probability that falls like 1 / (r + 1) ^ theta: the generator of "Quickly generating
 * billion-record synthetic databases" (Gray et al., SIGMOD 1994), as YCSB has it. Exact for the first two ranks; the others
 * follow a curve through them.
 */
export class Zipfian {
  readonly #random: Random
  readonly #alpha = 1 / (1 - THETA)
  readonly #zetaOfTwo = 1 + 0.5 ** THETA
  #count = 0
  #zeta = 0
  #eta = 0

  constructor(count: number, random: Random) {
    this.#random = random
    this.grow(count)
  }

  /** More ranks than before. */
  grow(count: number): void {
    for (let rank = this.#count + 1; rank <= count; rank++) this.#zeta += 1 / rank ** THETA
    this.#count = count
    this.#eta = (1 - (2 / count) ** (1 - THETA)) / (1 - this.#zetaOfTwo / this.#zeta)
  }

  next(): number {
    const u = this.#random.between(0, 1)
    const scaled = u * this.#zeta
    if (scaled < 1) return 0
    if (scaled < this.#zetaOfTwo) return 1
    return Math.min(this.#count - 1, Math.floor(this.#count * (this.#eta * u - this.#eta + 1) ** this.#alpha))
  }
}

const PRIME_LOW = 0x1b3
const TWO_32 = 2 ** 32

/**
 * FNV-1a of 64 bits over the eight bytes of a whole number, modulo `count`: what YCSB spreads its popular keys with. The
 * prime is 2^40 + 0x1b3, so that the product of 64 bits needs no BigInt.
 */
export function scrambled(value: number, count: number): number {
  let low = 0x84222325
  let high = 0xcbf29ce4
  let rest = value
  for (let i = 0; i < 8; i++) {
    low = (low ^ (rest & 0xff)) >>> 0
    rest = Math.floor(rest / 256)
    const product = low * PRIME_LOW
    // The shift by 40 brings the low word, 8 bits further up, into the high one.
    high = (high * PRIME_LOW + Math.floor(product / TWO_32) + low * 256) % TWO_32
    low = product % TWO_32
  }
  return ((high % count) * (TWO_32 % count) + low) % count
}
