const BITS = 16

/** Which operations are in the order, with a short name for the set: those before the first gap are not written out. */
export class TakenSet {
  readonly #words: Uint16Array
  /** All words below are full. */
  #full = 0
  /** No word from here on has a member. */
  #used = 0

  constructor(size: number) {
    this.#words = new Uint16Array(Math.ceil(size / BITS) + 1)
  }

  add(member: number): void {
    const word = Math.floor(member / BITS)
    this.#words[word]! |= 1 << (member % BITS)
    this.#used = Math.max(this.#used, word + 1)
    while (this.#words[this.#full] === 0xffff) this.#full++
  }

  remove(member: number): void {
    const word = Math.floor(member / BITS)
    this.#words[word]! &= ~(1 << (member % BITS))
    this.#full = Math.min(this.#full, word)
    while (this.#used > 0 && this.#words[this.#used - 1] === 0) this.#used--
  }

  /** Equal for equal sets only, and no beginning of another set's key. */
  key(): string {
    return `${this.#full}.${this.#used}.${String.fromCharCode(...this.#words.subarray(this.#full, this.#used))}`
  }
}
