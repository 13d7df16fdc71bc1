import { assert } from '../base/assert.js'
import { Block } from './state-block.js'
import { type BlockWriter, childEntry } from './state-block-writer.js'
import { Draft } from './state-draft.js'
import type { BlockRef } from './state-head.js'
import { compareKeys, NO_KEY, type StateTree } from './state-tree.js'

/** With the key of the tree: the machine's id stands before it. */
export interface TreeChange {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/** Children of an inner block that stay as they are. */
interface Kept {
  readonly block: Block
  from: number
  to: number
}

/** Which neighbours a child that is too large shares with, if it has to. */
const NEIGHBOURS = [1, -1]
/** How full blocks are made when neighbours share. */
const FULL_SHARE = 0.96
/** Two neighbours become one block if that leaves so much room in it. */
const MERGE_ROOM = 1 / 8

/**
 * What has to be written and removed so that a tree has some changes. It only reads the tree; if a block cannot be
 * read, that throws and nothing has happened. Each block that changes is written once, under the number that it had.
 */
export class TreeUpdate {
  root: BlockRef | undefined
  readonly #tree: StateTree
  readonly #writer: BlockWriter

  constructor(tree: StateTree, writer: BlockWriter) {
    this.#tree = tree
    this.#writer = writer
    this.root = tree.root
  }

  /** Ascending, each key once. To be called once. */
  apply(changes: readonly TreeChange[]): void {
    if (changes.length === 0) return
    const { root } = this
    let draft = root === undefined ? this.#plant(changes) : this.#update(root, NO_KEY, changes, 0, changes.length)
    if (draft === undefined) return
    for (;;) {
      const roots = this.#writer.seal(draft)
      if (roots.length <= 1) {
        this.root = roots[0] === undefined ? undefined : this.#lowered(roots[0].ref)
        return
      }
      draft = new Draft(draft.level + 1, NO_KEY)
      for (const child of roots) draft.addEntry(childEntry(child))
      draft.growsAt = draft.count
    }
  }

  /** A first leaf. */
  #plant(changes: readonly TreeChange[]): Draft | undefined {
    const draft = new Draft(0, NO_KEY)
    for (const { key, value } of changes) if (value !== undefined) draft.addEntry(this.#writer.entry(key, value))
    draft.growsAt = draft.count
    return draft.count === 0 ? undefined : draft
  }

  /** A block with the changes `from..to - 1`, which are all for it; undefined if they change nothing. */
  #update(ref: BlockRef, low: Uint8Array, changes: readonly TreeChange[], from: number, to: number): Draft | undefined {
    const block = this.#tree.source.block(ref)
    const draft = new Draft(block.level, low, [ref.block])
    const isChanged =
      block.level === 0
        ? this.#updateLeaf(draft, block, changes, from, to)
        : this.#updateInner(draft, block, changes, from, to)
    draft.isShrunk = draft.bytes < block.bytes.length
    return isChanged ? draft : undefined
  }

  #updateLeaf(draft: Draft, block: Block, changes: readonly TreeChange[], from: number, to: number): boolean {
    let done = 0
    let isChanged = false
    const added = new Additions()
    for (let c = from; c < to; c++) {
      const { key, value } = changes[c]!
      const found = block.find(key)
      if (found < 0 && value === undefined) continue
      const i = found < 0 ? ~found : found
      isChanged = true
      draft.addRun(block, done, i)
      done = found < 0 ? i : i + 1
      const replaced = found < 0 ? undefined : block.big(i)
      if (replaced !== undefined) this.#writer.removeBig(replaced)
      if (value !== undefined) draft.addEntry(this.#writer.entry(key, value))
      if (found < 0) added.note(draft.count)
    }
    draft.addRun(block, done, block.count)
    draft.growsAt = added.growAt()
    return isChanged
  }

  #updateInner(draft: Draft, block: Block, changes: readonly TreeChange[], from: number, to: number): boolean {
    const children: (Draft | Kept)[] = []
    let done = 0
    for (let c = from; c < to; ) {
      const i = block.childOf(changes[c]!.key)
      const until = i + 1 < block.count ? firstAtOrAbove(changes, block.key(i + 1), c, to) : to
      const child = this.#update(block.child(i), i === 0 ? draft.low : block.key(i), changes, c, until)
      c = until
      if (child === undefined) continue
      if (i > done) children.push({ block, from: done, to: i })
      children.push(child)
      done = i + 1
    }
    if (children.length === 0) return false
    if (done < block.count) children.push({ block, from: done, to: block.count })
    this.#balance(children, draft.low)
    const added = new Additions()
    for (const child of children) {
      if (child instanceof Draft) {
        this.#writer.seal(child).forEach((one, i) => {
          draft.addEntry(childEntry(one))
          if (i >= child.blocks.length) added.note(draft.count)
        })
      } else draft.addRun(child.block, child.from, child.to)
    }
    draft.growsAt = added.growAt()
    return true
  }

  /**
   * Drops the children that have got empty, joins each that has got small with a neighbour that has room for it, and lets one
   * that has got too large share with its neighbours: blocks are fuller than if each were cut in two.
   */
  #balance(children: (Draft | Kept)[], low: Uint8Array): void {
    const { blockBytes } = this.#writer
    for (let at = 0; at < children.length; at++) {
      const child = children[at]!
      if (!(child instanceof Draft)) continue
      if (child.count === 0) {
        this.#writer.removed.push(...child.blocks)
        children.splice(at--, 1)
      } else if (child.isShrunk && child.bytes < blockBytes / 2) {
        const most = blockBytes * (1 - MERGE_ROOM)
        const joined = this.#join(children, at, low, most) ?? this.#join(children, at - 1, low, most)
        // Once more: it may still be small.
        if (joined !== undefined) at = joined - 1
      } else if (child.bytes > blockBytes && child.bytes < 2 * blockBytes && child.growsAt === undefined) {
        at = this.#share(children, at, low)
      }
    }
  }

  /** Joins a child that is too large with up to two neighbours; returns where it stands. */
  #share(children: (Draft | Kept)[], at: number, low: Uint8Array): number {
    let place = at
    for (const other of NEIGHBOURS) {
      const joined = children[place] as Draft
      const neighbour = children[place + other]
      if (joined.bytes <= joined.blocks.length * this.#writer.blockBytes * FULL_SHARE) break
      const isBusy = neighbour instanceof Draft && (neighbour.growsAt !== undefined || neighbour.blocks.length > 1)
      if (!isBusy) place = this.#join(children, Math.min(place, place + other), low, Number.POSITIVE_INFINITY) ?? place
    }
    return place
  }

  /**
   * Makes one child of the one at a place and the one behind it, if it is not too large; returns where it stands. `low` is
   * that of their parent.
   */
  #join(children: (Draft | Kept)[], at: number, low: Uint8Array, most: number): number | undefined {
    const [left, right] = [children[at], children[at + 1]]
    if (left === undefined || right === undefined) return undefined
    const joined = left instanceof Draft ? left : this.#draftOf(left.block, left.to - 1, low)
    const other = right instanceof Draft ? right : this.#draftOf(right.block, right.from, low)
    if (joined.bytes + other.bytes > most) return undefined
    joined.absorb(other)
    joined.isShrunk = true
    joined.growsAt = undefined
    const kept = left instanceof Draft || left.to - 1 === left.from ? [] : [{ ...left, to: left.to - 1 }]
    const rest = right instanceof Draft || right.from + 1 === right.to ? [] : [{ ...right, from: right.from + 1 }]
    children.splice(at, 2, ...kept, joined, ...rest)
    return at + kept.length
  }

  /** A child that was to stay as it is. */
  #draftOf(block: Block, i: number, low: Uint8Array): Draft {
    const ref = block.child(i)
    const child = this.#tree.source.block(ref)
    const draft = new Draft(child.level, i === 0 ? low : block.key(i), [ref.block])
    draft.addRun(child, 0, child.count)
    return draft
  }

  /** A root with one child gives way to the child. */
  #lowered(root: BlockRef): BlockRef {
    const { puts, removed } = this.#writer
    const at = puts.findLastIndex(({ block, crc }) => block === root.block && crc !== undefined)
    const put = puts[at]
    const block = put === undefined ? this.#tree.source.block(root) : Block.decode(put.bytes)
    assert(block !== undefined, 'a block was written that cannot be read')
    if (block.level === 0 || block.count > 1) return root
    if (put !== undefined) puts.splice(at, 1)
    removed.push(root.block)
    return this.#lowered(block.child(0))
  }
}

/** Where entries were added to a block. */
class Additions {
  #first = 0
  #last = 0
  #count = 0

  /** An entry was put behind all others of the draft, which now has `count`. */
  note(count: number): void {
    if (this.#count++ === 0) this.#first = count
    this.#last = count
  }

  /** The place behind them, if they stand together. A single one says nothing. */
  growAt(): number | undefined {
    return this.#count > 1 && this.#last - this.#first === this.#count - 1 ? this.#last : undefined
  }
}

function firstAtOrAbove(changes: readonly TreeChange[], key: Uint8Array, from: number, to: number): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareKeys(changes[middle]!.key, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
