import { expect, test } from '@jest/globals'
import { ballotOf } from '../../src/core/ballot.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { Message } from '../../src/core/messages.js'
import { messageName } from '../support/core-names.js'
import { NodeModel, type Outgoing } from '../support/core-node.js'

/** Node 2 of three, which brings its commands to whoever leads; the test speaks for the others. */
class Follower {
  readonly node = new NodeModel(2, [1, 2, 3], { tuning: DEFAULT_TUNING, proposeOn: 'leader' })

  constructor() {
    this.node.start([])
  }

  /** What `action` makes it forward, and to whom. */
  forwards(action: (out: Outgoing[]) => void): string[] {
    const out: Outgoing[] = []
    action(out)
    return out
      .filter(({ message }) => message.kind === 'forward')
      .map(({ to, message }) => `${to} ${messageName(message)}`)
  }

  hears(from: number, message: Message): string[] {
    return this.forwards((out) => this.node.input({ kind: 'message', from, message }, out))
  }

  hearsLeader(node: number, round: number): string[] {
    return this.hears(node, { kind: 'chosen', ballot: ballotOf(round, node), upTo: 0, chain: 0 })
  }

  proposes(): string[] {
    return this.forwards((out) => this.node.propose('x', out))
  }
}

const OPENING = 'FORWARD session of 2 hops=0'

test('what went to one leader goes to the next at once, and only once', () => {
  const follower = new Follower()
  follower.hearsLeader(1, 1)
  expect(follower.proposes()).toEqual([`1 ${OPENING}`])
  expect(follower.hearsLeader(1, 1)).toEqual([])
  expect(follower.hearsLeader(3, 2)).toEqual([`3 ${OPENING}`])
  expect(follower.hearsLeader(3, 2)).toEqual([])
  // The leader before speaks late.
  expect(follower.hearsLeader(1, 1)).toEqual([])
})

test('the same leader at a higher ballot has what it was sent', () => {
  const follower = new Follower()
  follower.hearsLeader(1, 1)
  expect(follower.proposes()).toEqual([`1 ${OPENING}`])
  expect(follower.hearsLeader(1, 3)).toEqual([])
})

test('what waits at a leader whose link breaks goes to the next that is heard of', () => {
  const follower = new Follower()
  follower.hearsLeader(1, 1)
  expect(follower.proposes()).toEqual([`1 ${OPENING}`])
  expect(follower.forwards((out) => follower.node.link(1, false, out))).toEqual([])
  // It has begun to probe, and looks for the way again when that is over, at the latest.
  const forwards = [...follower.hearsLeader(3, 2), ...follower.forwards((out) => follower.node.fire('back-off', out))]
  expect(forwards).toEqual([`3 ${OPENING}`])
})

test('a command after one that was dropped is forwarded: the request to open a session, which both need, is made anew', () => {
  const follower = new Follower()
  follower.hearsLeader(1, 1)
  expect(follower.proposes()).toEqual([`1 ${OPENING}`])
  // The forward is lost, and nothing waits any more when it would be sent again.
  follower.node.now = 1e9
  expect(follower.forwards((out) => follower.node.fire('deadline', out))).toEqual([])
  expect(follower.forwards((out) => follower.node.fire('forward', out))).toEqual([])
  expect(follower.proposes()).toEqual([`1 ${OPENING}`])
})
