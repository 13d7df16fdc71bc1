import { InvariantBroken } from '../../src/base/assert.js'
import type { Value } from '../../src/core/command-run.js'
import { chosenOnce, knowsOnlyChosen } from '../../src/core/invariants.js'
import type { NodeModel } from '../support/core-node.js'
import { bytesId } from './copy.js'

interface Choice {
  readonly ballot: number
  readonly value: Value
}

/**
 * The rules between nodes, from what each ever voted for and now knows: what a majority holds at one ballot is chosen,
 * nothing else ever is, every later ballot proposes the same, and no node knows more.
 */
export function checkAgreement(nodes: readonly NodeModel[]): void {
  const chosen = new Map<number, Choice>()
  const ballots = countVotes(nodes)
  const majority = Math.floor(nodes.length / 2) + 1
  for (const { instance, ballot, value, voters } of ballots) {
    if (voters < majority) continue
    const before = chosen.get(instance)
    if (before) chosenOnce(instance, before.value, value, `ballot ${ballot}`)
    if (!before || ballot < before.ballot) chosen.set(instance, { ballot, value })
  }
  for (const { instance, ballot, value } of ballots) {
    const choice = chosen.get(instance)
    if (choice && ballot > choice.ballot) chosenOnce(instance, choice.value, value, `a vote at ballot ${ballot}`)
  }
  let upTo = 0
  while (chosen.has(upTo + 1)) upTo++
  for (const { nodeId, known } of nodes) {
    knowsOnlyChosen(nodeId, known.length, upTo)
    for (const [index, value] of known.entries()) {
      const choice = chosen.get(index + 1)
      if (choice) chosenOnce(index + 1, choice.value, value, `node ${nodeId}`)
    }
  }
}

interface BallotVotes {
  readonly instance: number
  readonly ballot: number
  readonly value: Value
  voters: number
}

function countVotes(nodes: readonly NodeModel[]): BallotVotes[] {
  const ballots = new Map<string, BallotVotes>()
  for (const { votes } of nodes) {
    for (const [key, value] of votes) {
      const held = ballots.get(key)
      if (!held) {
        const [instance, ballot] = key.split(':').map(Number)
        ballots.set(key, { instance: instance as number, ballot: ballot as number, value, voters: 1 })
      } else if (bytesId(held.value) !== bytesId(value)) {
        throw new InvariantBroken(`rule 10: two voters accept different values at ${key}`)
      } else held.voters++
    }
  }
  return [...ballots.values()]
}
