import type { NodeId } from '../base/numbers.js'
import type { GroupState } from './group-state.js'

/** One round of asking whether a living leader is in sight of the others, before a ballot is raised. */
export class Probing {
  readonly id: number
  readonly free = new Set<NodeId>()

  constructor(id: number) {
    this.id = id
  }

  /** A majority, this node among it, sees no living leader. */
  isFree(state: GroupState): boolean {
    return this.free.size + 1 >= state.membership.majority
  }
}
