import type { Block } from './state-block.js'
import type { BlockSource } from './state-blocks.js'
import type { BlockRef } from './state-head.js'

/**
 * The entries of all machines of a group, in a B+tree of which each parent holds the checksums of its children, and the
 * group's head that of the root. Its keys are those of the entries with the machine's id before them.
 */
export interface StateTree {
  readonly source: BlockSource
  /** Undefined: it is empty. */
  readonly root: BlockRef | undefined
}

export function treeKey(machine: number, key: Uint8Array): Uint8Array {
  const whole = new Uint8Array(2 + key.length)
  whole[0] = machine >> 8
  whole[1] = machine
  whole.set(key, 2)
  return whole
}

/** Behind all keys of a machine; undefined: that is the end of the tree. */
export function machineEnd(machine: number): Uint8Array | undefined {
  return machine === 0xffff ? undefined : treeKey(machine + 1, NO_KEY)
}

export const NO_KEY = new Uint8Array(0)

/** Below 0, 0, or above 0; bytewise. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

export function valueIn({ source }: StateTree, block: Block, i: number): Uint8Array {
  const big = block.big(i)
  return big === undefined ? block.value(i) : source.big(big)
}

export function findInTree(tree: StateTree, key: Uint8Array): Uint8Array | undefined {
  if (tree.root === undefined) return undefined
  let block = tree.source.block(tree.root)
  while (block.level > 0) block = tree.source.block(block.child(block.childOf(key)))
  const i = block.find(key)
  return i < 0 ? undefined : valueIn(tree, block, i)
}

interface Step {
  readonly block: Block
  at: number
}

/** A place between the entries of a tree that does not change meanwhile. */
export class TreeCursor {
  readonly #tree: StateTree
  /** From the root to the leaf. The place is before the leaf's entry `at`. */
  #path: Step[] = []

  /** Before the first entry that is not below `key`; undefined: behind the last one. */
  constructor(tree: StateTree, key: Uint8Array | undefined) {
    this.#tree = tree
    if (tree.root === undefined) return
    for (let block = tree.source.block(tree.root); ; ) {
      if (block.level === 0) {
        const found = key === undefined ? block.count : block.find(key)
        this.#path.push({ block, at: found < 0 ? ~found : found })
        return
      }
      const at = key === undefined ? block.count - 1 : block.childOf(key)
      this.#path.push({ block, at })
      block = tree.source.block(block.child(at))
    }
  }

  /** The entry behind the place, which moves behind it; undefined at the end. Good up to the next call. */
  next(): Step | undefined {
    const leaf = this.#path.at(-1)
    if (leaf === undefined) return undefined
    if (leaf.at >= leaf.block.count && !this.#turn(1)) return undefined
    const { block, at } = this.#leaf()
    this.#leaf().at++
    return { block, at }
  }

  previous(): Step | undefined {
    const leaf = this.#path.at(-1)
    if (leaf === undefined) return undefined
    if (leaf.at <= 0 && !this.#turn(-1)) return undefined
    const step = this.#leaf()
    step.at--
    return { block: step.block, at: step.at }
  }

  #leaf(): Step {
    return this.#path[this.#path.length - 1]!
  }

  /** To the beginning of the next leaf, or to the end of the one before; false if there is none. */
  #turn(direction: 1 | -1): boolean {
    let depth = this.#path.length - 2
    const isLast = ({ block, at }: Step) => (direction === 1 ? at >= block.count - 1 : at <= 0)
    while (depth >= 0 && isLast(this.#path[depth]!)) depth--
    if (depth < 0) return false
    this.#path[depth]!.at += direction
    for (; depth < this.#path.length - 1; depth++) {
      const { block, at } = this.#path[depth]!
      const child = this.#tree.source.block(block.child(at))
      const inner = direction === 1 ? 0 : child.count - 1
      this.#path[depth + 1] = { block: child, at: child.level > 0 || direction === 1 ? inner : child.count }
    }
    return true
  }
}
