import { expect, test } from '@jest/globals'
import { ballotNode, ballotOf, ballotRound, nextBallot } from '../../src/core/ballot.js'
import { Membership } from '../../src/core/membership.js'

test('ballots order by round, then by node, and no two nodes share one', () => {
  const ballots = [ballotOf(1, 1), ballotOf(1, 65535), ballotOf(2, 1), ballotOf(2, 2), ballotOf(2 ** 32, 1)]
  expect([...ballots].sort((a, b) => a - b)).toEqual(ballots)
  for (const ballot of ballots) expect(ballotOf(ballotRound(ballot), ballotNode(ballot))).toBe(ballot)
})

test('the next ballot is the own node’s, and above everything seen', () => {
  for (const seen of [0, ballotOf(1, 3), ballotOf(7, 65535), ballotOf(2 ** 36, 9)]) {
    for (const node of [1, 3, 65535]) {
      expect(nextBallot(seen, node)).toBeGreaterThan(seen)
      expect(ballotNode(nextBallot(seen, node))).toBe(node)
    }
  }
})

test('past the last ballot there is no next one, rather than one that is written down as another number', () => {
  expect(nextBallot(ballotOf(2 ** 37 - 2, 9), 65535)).toBe(Number.MAX_SAFE_INTEGER)
  expect(() => nextBallot(ballotOf(2 ** 37 - 1, 1), 2)).toThrow(/no ballot of node 2 is left/)
})

test('two majorities of one membership share a voter', () => {
  for (let size = 1; size <= 7; size++) {
    const voters = Array.from({ length: size }, (_, index) => ({ nodeId: index + 1, voterId: `v${index}` }))
    const { majority } = new Membership(0, voters)
    expect(2 * majority).toBeGreaterThan(size)
    expect(majority).toBeLessThanOrEqual(size)
  }
})

test('a vote names the voter, not the node', () => {
  const membership = new Membership(0, [{ nodeId: 1, voterId: 'old' }])
  expect(membership.isVoter(1, 'old')).toBe(true)
  expect(membership.isVoter(1, 'new')).toBe(false)
  expect(membership.isVoter(1, undefined)).toBe(false)
  expect(membership.hasNode(1)).toBe(true)
})
