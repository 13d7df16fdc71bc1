import { expect, test } from '@jest/globals'
import { ballotOf } from '../../src/core/ballot.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { Message } from '../../src/core/messages.js'
import { NodeModel } from '../support/core-node.js'

/** Node 1 of three, which proposes and reads; the test speaks for the other two. */
class Reader {
  readonly node = new NodeModel(1, [1, 2, 3], { tuning: DEFAULT_TUNING, proposeOn: 'here' })

  constructor() {
    this.node.start([])
  }

  hears(from: number, message: Message): void {
    this.node.input({ kind: 'message', from, message }, [])
    while (this.node.mustCommit) this.node.commit([])
  }

  campaigns(): void {
    this.node.propose('x', [])
    this.node.commit([])
  }

  promise(from: number, round: number): void {
    const ballot = ballotOf(round, 1)
    this.hears(from, { kind: 'promise', version: 0, ballot, from: 1, chosenUpTo: 0, records: [] })
  }

  reads(token: number): void {
    this.node.input({ kind: 'read', token, deadline: 10_000 }, [])
  }

  point(from: number, point: number): void {
    this.hears(from, { kind: 'read-point', version: 0, round: 1, point })
  }
}

test('a campaign begun before a read point was known does not lower it', () => {
  const reader = new Reader()
  reader.campaigns()
  reader.reads(7)
  // Node 2 has accepted instance 1 from another leader, after node 3 promised node 1's ballot: that promise is late.
  reader.point(2, 1)
  reader.promise(3, 1)
  expect(reader.node.group.isLeading).toBe(true)
  expect(reader.node.queries).toEqual([])
})

test('a campaign begun after it finds nothing there: the point drops, and the read is answered', () => {
  const reader = new Reader()
  reader.reads(7)
  reader.point(2, 1)
  expect(reader.node.queries).toEqual([])
  reader.campaigns()
  reader.promise(3, 1)
  expect(reader.node.group.isLeading).toBe(true)
  expect(reader.node.queries).toEqual([{ token: 7, outcome: 'ready' }])
})

test('a minority does not make a read point', () => {
  const reader = new Reader()
  reader.reads(7)
  expect(reader.node.queries).toEqual([])
  reader.point(3, 0)
  expect(reader.node.queries).toEqual([{ token: 7, outcome: 'ready' }])
})

test('a late answer to a group that was since built anew, in the same process, does not count', () => {
  const reader = new Reader()
  reader.reads(7)
  reader.node.now = 3
  reader.node.restart([])
  reader.reads(8)
  reader.point(3, 0)
  expect(reader.node.queries).toEqual([])
})
