import type { Millis } from '../base/numbers.js'
import type { Pending } from './pending.js'

/**
 * Who waits for which sequence: a circular array, since sequences are dense and end nearly in order. They begin at 1, and
 * name calls between here and the worker only: it gives the sequences that the log knows (worker/own-runs.ts).
 */
export class CallTable {
  #slots: (Pending | undefined)[] = new Array<Pending | undefined>(256).fill(undefined)
  #mask = 255
  #low = 1
  #next = 1
  #live = 0

  /** The sequence that `add` gives next. */
  get next(): number {
    return this.#next
  }

  get live(): number {
    return this.#live
  }

  /** The one that waits for the lowest sequence. */
  get oldest(): Pending | undefined {
    return this.get(this.#low)
  }

  add(pending: Pending): number {
    const sequence = this.#next
    if (sequence - this.#low > this.#mask) this.#makeRoom()
    this.#slots[sequence & this.#mask] = pending
    this.#next = sequence + 1
    this.#live++
    return sequence
  }

  /** Who waits for `sequence`; undefined if nobody does any more. */
  get(sequence: number): Pending | undefined {
    return sequence >= this.#low && sequence < this.#next ? this.#slots[sequence & this.#mask] : undefined
  }

  /** Who waited for it, and does no more. */
  take(sequence: number): Pending | undefined {
    if (sequence < this.#low || sequence >= this.#next) return undefined
    const at = sequence & this.#mask
    const pending = this.#slots[at]
    if (pending === undefined) return undefined
    this.#slots[at] = undefined
    this.#live--
    if (sequence === this.#low) this.#advance()
    return pending
  }

  /** All who wait, in order; a call of several commands comes once per command. */
  forEach(visit: (pending: Pending, sequence: number) => void): void {
    for (let sequence = this.#low; sequence < this.#next; sequence++) {
      const pending = this.#slots[sequence & this.#mask]
      if (pending !== undefined) visit(pending, sequence)
    }
  }

  /** The earliest deadline after `now`, and those passed given to `visit`. */
  scanDeadlines(now: Millis, visit: (pending: Pending, sequence: number) => void): Millis {
    let earliest = Number.POSITIVE_INFINITY
    for (let sequence = this.#low; sequence < this.#next; sequence++) {
      const pending = this.#slots[sequence & this.#mask]
      if (pending === undefined) continue
      if (pending.deadline <= now) visit(pending, sequence)
      else if (pending.deadline < earliest) earliest = pending.deadline
    }
    return earliest
  }

  #advance(): void {
    while (this.#low < this.#next && this.#slots[this.#low & this.#mask] === undefined) this.#low++
  }

  #makeRoom(): void {
    const size = (this.#mask + 1) * 2
    const grown = new Array<Pending | undefined>(size).fill(undefined)
    for (let s = this.#low; s < this.#next; s++) grown[s & (size - 1)] = this.#slots[s & this.#mask]
    this.#slots = grown
    this.#mask = size - 1
  }
}
