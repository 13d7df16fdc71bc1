import type { GroupIndex, NodeId } from '../../../src/base/numbers.js'
import { acknowledgedSurvives, executesOnce, executesTheSame } from '../../../src/core/invariants.js'

/** The one sequence of executed commands of each group; what every replica executes is a prefix of it. */
export class Executed {
  private readonly sequences: string[][] = []
  private readonly positions: Map<string, number>[] = []
  private readonly acknowledged: Set<string>[] = []

  constructor(groups: number) {
    for (let i = 0; i < groups; i++) {
      this.sequences.push([])
      this.positions.push(new Map())
      this.acknowledged.push(new Set())
    }
  }

  total(group: GroupIndex): number {
    return (this.sequences[group] as string[]).length
  }

  /** A state that has executed `position` commands executes the next one. */
  execute(node: NodeId, group: GroupIndex, position: number, id: string): void {
    const sequence = this.sequences[group] as string[]
    const positions = this.positions[group] as Map<string, number>
    const expected = sequence[position]
    if (expected !== undefined) {
      executesTheSame(node, `position ${position} of group ${group}`, expected, id)
      return
    }
    executesOnce(node, id, positions.has(id))
    positions.set(id, position)
    sequence.push(id)
  }

  /** Where `id` stands in the sequence, from 0; undefined if nobody has executed it. */
  positionOf(group: GroupIndex, id: string): number | undefined {
    return (this.positions[group] as Map<string, number>).get(id)
  }

  acknowledge(group: GroupIndex, id: string): void {
    ;(this.acknowledged[group] as Set<string>).add(id)
  }

  /** At the end: everything acknowledged is in the sequence that all replicas share. */
  checkAcknowledged(): void {
    for (const [group, ids] of this.acknowledged.entries()) {
      for (const id of ids) acknowledgedSurvives(id, this.positionOf(group, id) !== undefined)
    }
  }
}
