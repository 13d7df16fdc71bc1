import type { NodeId } from '../../../src/base/numbers.js'

/**
 * The nodes whose disks have lost something for good. What becomes of them is the program's to say (docs/storage.md,
 * "What damage gives"): a record is learned again, or the voter ends at the next start and the node returns as a
 * follower. Either way a minority may be hit, for what the others hold must be all that was acknowledged.
 */
export class Damage {
  private readonly most: number
  private readonly nodes = new Set<NodeId>()

  constructor(nodes: number) {
    this.most = Math.ceil(nodes / 2) - 1
  }

  /** False if this node may not lose anything, because others have. */
  tryHit(node: NodeId): boolean {
    if (this.nodes.size >= this.most && !this.nodes.has(node)) return false
    this.nodes.add(node)
    return true
  }

  isHit(node: NodeId): boolean {
    return this.nodes.has(node)
  }
}

/** What a damaged node may complain of; a sound one may not. */
export const DAMAGE_CODES: ReadonlySet<string> = new Set(['GROUP_DAMAGED', 'RECORD_DAMAGED', 'STORE_DAMAGED'])
