import type { BinaryKey } from './binary-key.js'
import type { Change } from './write-set.js'

/** The changes of a write set as they were when this was made, within one command that goes on changing. */
export class ChangesBefore {
  readonly #changes: ReadonlyMap<BinaryKey, Change>
  readonly #undoKeys: readonly BinaryKey[]
  readonly #undoChanges: readonly (Change | undefined)[]
  /** How far into the command's undo list `#since` has come. */
  #seen: number
  /** What keys changed since then had before. */
  #since: Map<BinaryKey, Change | undefined> | undefined

  constructor(
    changes: ReadonlyMap<BinaryKey, Change>,
    undoKeys: readonly BinaryKey[],
    undoChanges: readonly (Change | undefined)[],
  ) {
    this.#changes = changes
    this.#undoKeys = undoKeys
    this.#undoChanges = undoChanges
    this.#seen = undoKeys.length
  }

  get(key: BinaryKey): Change | undefined {
    for (; this.#seen < this.#undoKeys.length; this.#seen++) {
      this.#since ??= new Map()
      const changed = this.#undoKeys[this.#seen]!
      // The first of several is the oldest.
      if (!this.#since.has(changed)) this.#since.set(changed, this.#undoChanges[this.#seen])
    }
    return this.#since?.has(key) ? this.#since.get(key) : this.#changes.get(key)
  }
}
