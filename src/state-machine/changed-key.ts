import type { BinaryKey } from './binary-key.js'

/** What became of a key since the last commit: its new value; null: removed. */
export type Change = Uint8Array | null

/** A key that has changed since the last commit. */
export class ChangedKey {
  readonly key: BinaryKey
  change: Change | undefined
  /** The call that changed it last. */
  #call = 0
  /** What it was before that: once the call is over, memory for the next value of the same length. */
  #spare: Change | undefined

  constructor(key: BinaryKey) {
    this.key = key
  }

  /** Where a value of this length can be written; undefined: nowhere. */
  room(length: number, call: number): Uint8Array | undefined {
    const spare = this.#spare
    return spare && spare.length === length && this.#call !== call ? spare : undefined
  }

  /** Everything that it was within the call stays as it is until the call is over. */
  become(change: Change, call: number): void {
    this.#call = call
    this.#spare = this.change
    this.change = change
  }

  /** It is again what it was before the call that changed it last. */
  undo(before: Change): void {
    this.change = before
    this.#spare = undefined
  }
}
