import type { GroupIndex } from '../base/numbers.js'
import { Block } from './state-block.js'
import type { CacheShelf } from './state-block-cache.js'
import type { BlockWriter } from './state-block-writer.js'
import type { CachedBlocks } from './state-blocks.js'
import type { BigRef, BlockRef } from './state-head.js'
import type { StatePosition } from './state-store.js'
import { NO_KEY, type StateTree } from './state-tree.js'

/** What a store knows of a group between commits. */
export interface LiveState {
  readonly group: GroupIndex
  readonly generation: number
  readonly shelf: CacheShelf
  readonly source: CachedBlocks
  /** Undefined: it has no head yet. The built-in state is not kept. */
  position: StatePosition | undefined
  builtInAt: BigRef | undefined
  nextBlock: number
  tree: StateTree
  commits: number
}

/** What a commit brings to one group. */
export interface StatePlan {
  readonly live: LiveState
  readonly writer: BlockWriter
  readonly root: BlockRef | undefined
  readonly position: StatePosition
  readonly builtInAt: BigRef | undefined
}

/** After the commit: from now on this is what is read. */
export function install({ live, writer, root, position, builtInAt }: StatePlan): void {
  for (const block of writer.removed) live.shelf.remove(block)
  for (const { block, bytes, crc } of writer.puts) {
    const decoded = crc === undefined ? undefined : Block.decode(bytes)
    if (crc !== undefined && decoded !== undefined) live.shelf.put(block, crc, decoded)
  }
  live.position = { ...position, builtIn: NO_KEY }
  live.builtInAt = builtInAt
  live.nextBlock = writer.nextBlock
  live.tree = { source: live.source, root }
  live.commits++
}
