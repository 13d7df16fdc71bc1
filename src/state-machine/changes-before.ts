import type { BinaryKey } from './binary-key.js'
import type { Change, ChangedKey } from './changed-key.js'
import type { UndoList } from './undo-list.js'

/** The changes of a write set as they were when this was made, within one command that goes on changing. */
export class ChangesBefore {
  readonly #changes: ReadonlyMap<BinaryKey, ChangedKey>
  readonly #undo: UndoList
  /** How far into the command's undo list `#since` has come. */
  #seen: number
  /** What keys changed since then had before. */
  #since: Map<BinaryKey, Change | undefined> | undefined

  constructor(changes: ReadonlyMap<BinaryKey, ChangedKey>, undo: UndoList) {
    this.#changes = changes
    this.#undo = undo
    this.#seen = undo.length
  }

  get(key: BinaryKey): Change | undefined {
    for (; this.#seen < this.#undo.length; this.#seen++) {
      this.#since ??= new Map()
      const changed = this.#undo.changed(this.#seen).key
      // The first of several is the oldest.
      if (!this.#since.has(changed)) this.#since.set(changed, this.#undo.before(this.#seen))
    }
    return this.#since?.has(key) ? this.#since.get(key) : this.#changes.get(key)?.change
  }
}
