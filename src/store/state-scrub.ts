import type { StoredBlocks } from './state-blocks.js'
import type { BlockRef } from './state-head.js'
import type { ScrubCursor } from './state-store.js'
import { NO_KEY, TreeCursor } from './state-tree.js'

/**
 * Reads a slice of a tree, past every cache, from the entry at `cursor` on; large values too. Returns the key of the entry
 * at which the next slice begins.
 */
export function scrubTree(
  source: StoredBlocks,
  root: BlockRef | undefined,
  cursor: ScrubCursor | undefined,
  maxBytes: number,
): ScrubCursor | undefined {
  const entries = new TreeCursor({ source, root }, cursor ?? NO_KEY)
  let mayStop = false
  for (let step = entries.next(); step !== undefined; step = entries.next()) {
    if (mayStop && source.bytesRead >= maxBytes) return step.block.key(step.at)
    const big = step.block.big(step.at)
    if (big !== undefined) source.big(big)
    // Not within a leaf, which is read as a whole.
    mayStop = big !== undefined || step.at === step.block.count - 1
  }
  return undefined
}
