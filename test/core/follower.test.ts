import { expect, test } from '@jest/globals'
import { ballotOf } from '../../src/core/ballot.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { Message } from '../../src/core/messages.js'
import { messageName } from '../support/core-names.js'
import { NodeModel, type Outgoing } from '../support/core-node.js'

/** Node 4 has no vote: it follows 1, 2 and 3. Or one of these, which it asks. */
class Talker {
  readonly node: NodeModel

  constructor(nodeId: number, proposeOn: 'leader' | 'here' = 'leader') {
    this.node = new NodeModel(nodeId, [1, 2, 3], { tuning: DEFAULT_TUNING, proposeOn })
    this.node.start([], [1, 2, 3, 4])
  }

  hears(from: number, message: Message): string[] {
    return this.does((out) => this.node.input({ kind: 'message', from, message }, out))
  }

  does(action: (out: Outgoing[]) => void): string[] {
    const out: Outgoing[] = []
    action(out)
    return out.map(({ to, message }) => `${to} ${messageName(message)}`)
  }

  proposes(): string[] {
    return this.does((out) => this.node.propose('x', out))
  }

  backsOff(): string[] {
    return this.does((out) => this.node.fire('back-off', out))
  }
}

const BALLOT = ballotOf(1, 1)

test.each(['leader', 'here'] as const)(
  'a node without a vote that proposes on %s asks one voter who leads',
  (proposeOn) => {
    const follower = new Talker(4, proposeOn)
    expect(follower.proposes()).toEqual(['2 PROBE 1'])
    expect(follower.hears(2, { kind: 'busy', probe: 1, ballot: BALLOT })).toEqual(['1 FORWARD session of 4 hops=0'])
    expect(follower.node.group.promised).toBe(0)
  },
)

test('it asks one after the other until somebody knows, and never tries itself', () => {
  const follower = new Talker(4)
  expect(follower.proposes()).toEqual(['2 PROBE 1'])
  expect(follower.hears(2, { kind: 'free', probe: 1, promised: 0, chosenUpTo: 0 })).toEqual([])
  expect(follower.backsOff()).toEqual(['3 PROBE 2'])
  expect(follower.backsOff()).toEqual(['1 PROBE 3'])
  expect(follower.node.group.promised).toBe(0)
})

test('a leader that it suspects, and of which nobody else complains, is named again', () => {
  const follower = new Talker(4)
  follower.hears(1, { kind: 'chosen', ballot: BALLOT, upTo: 0, chain: 0 })
  expect(follower.proposes()).toEqual(['1 FORWARD session of 4 hops=0'])
  follower.node.now = DEFAULT_TUNING.suspectMs
  expect(follower.does((out) => follower.node.fire('suspicion', out))).toEqual(['2 PROBE 1'])
  const answer = follower.hears(2, { kind: 'busy', probe: 1, ballot: BALLOT })
  expect(answer).toEqual(['1 FORWARD session of 4 hops=0'])
})

test('a voter that is asked, and sees no leader, tries in its place', () => {
  const voter = new Talker(2)
  const said = voter.hears(4, { kind: 'probe', probe: 1 })
  expect(said).toEqual(['4 FREE 1 promised=- chosen=0', '1 PROBE 1', '3 PROBE 1'])
  // Asked by another voter, it leaves it to that one.
  expect(new Talker(2).hears(3, { kind: 'probe', probe: 1 })).toEqual(['3 FREE 1 promised=- chosen=0'])
})

test('a leader names itself to a node without a vote, idle or not', () => {
  const leader = new Talker(1, 'here')
  leader.proposes()
  leader.does((out) => leader.node.commit(out))
  leader.hears(2, { kind: 'promise', version: 0, ballot: BALLOT, from: 1, chosenUpTo: 0, records: [] })
  leader.node.now = 100 * DEFAULT_TUNING.suspectMs
  expect(leader.hears(3, { kind: 'probe', probe: 1 })).toEqual(['3 FREE 1 promised=1.1 chosen=0'])
  expect(leader.hears(4, { kind: 'probe', probe: 1 })).toEqual(['4 BUSY 1 b=1.1'])
})
