import { type BlockWriter, childEntry } from './state-block-writer.js'
import { Draft, type NewEntry, separator } from './state-draft.js'
import type { BlockRef } from './state-head.js'
import { NO_KEY } from './state-tree.js'

/**
 * Makes a tree from the bottom, of entries that come in order: each block is full when it is written, and only one of each
 * level is held in memory.
 */
export class TreeBuilder {
  readonly #writer: BlockWriter
  /** The block being filled of each level, from the leaves up. */
  readonly #drafts: Draft[] = []

  constructor(writer: BlockWriter) {
    this.#writer = writer
  }

  /** Keys ascend over all calls. A large value must stay as it is until the writer's next commit. */
  add(key: Uint8Array, value: Uint8Array): void {
    const entry = this.#writer.entry(new Uint8Array(key), value)
    this.#addTo(0, entry.isBig ? entry : { ...entry, value: new Uint8Array(value) })
  }

  /** Writes what is left; undefined if there was nothing. */
  finish(): BlockRef | undefined {
    for (let level = 0; ; level++) {
      const draft = this.#drafts[level]
      if (draft === undefined) return undefined
      const isTop = level === this.#drafts.length - 1
      const children = this.#writer.seal(draft)
      if (isTop && children.length === 1) return children[0]?.ref
      for (const child of children) this.#addTo(level + 1, childEntry(child))
    }
  }

  #addTo(level: number, entry: NewEntry): void {
    const draft = this.#drafts[level]
    if (draft === undefined) {
      this.#drafts[level] = new Draft(level, NO_KEY)
    } else if (draft.bytesWith(entry) > this.#writer.blockBytes && draft.count >= (level === 0 ? 1 : 2)) {
      for (const child of this.#writer.seal(draft)) this.#addTo(level + 1, childEntry(child))
      this.#drafts[level] = new Draft(level, level === 0 ? separator(draft.lastKey, entry.key) : entry.key)
    }
    this.#drafts[level]?.addEntry(entry)
  }
}
