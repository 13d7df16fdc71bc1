import type { Change, ChangedKey } from './changed-key.js'

/** Longer ones are given back to the garbage collector, with what they still refer to. */
const KEPT_LENGTH = 256

/** What the command at hand has changed, and what was there before, in the order of the changes. */
export class UndoList {
  length = 0
  #changed: ChangedKey[] = []
  #before: (Change | undefined)[] = []

  push(changed: ChangedKey, before: Change | undefined): void {
    this.#changed[this.length] = changed
    this.#before[this.length++] = before
  }

  changed(i: number): ChangedKey {
    return this.#changed[i]!
  }

  before(i: number): Change | undefined {
    return this.#before[i]
  }

  /** Cutting the arrays short would cost more than a command does. */
  clear(): void {
    this.length = 0
    if (this.#changed.length <= KEPT_LENGTH) return
    this.#changed = []
    this.#before = []
  }
}
