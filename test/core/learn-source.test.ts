import { expect, test } from '@jest/globals'
import { ballotOf } from '../../src/core/ballot.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { Learned, Message } from '../../src/core/messages.js'
import { NodeModel, type Outgoing } from '../support/core-node.js'

const BALLOT = ballotOf(1, 1)
const LOG = 40

/** Node 1 leads with the help of node 2; node 3 was away and learns. */
class Source {
  readonly node = new NodeModel(1, [1, 2, 3], {
    // Every value is larger than a window of one byte: a chunk holds one instance.
    tuning: { ...DEFAULT_TUNING, batchCount: 1, learnStartBytes: 1, learnWindowBytes: 100_000, learnRest: 2 },
    proposeOn: 'here',
  })

  constructor() {
    this.node.start([], [2])
    this.node.propose('first', [])
    this.hears(2, { kind: 'promise', version: 0, ballot: BALLOT, from: 1, chosenUpTo: 0, records: [] })
    this.chooses()
    for (let i = 1; i < LOG; i++) this.grows()
    expect(this.node.group.chosenUpTo).toBeGreaterThanOrEqual(LOG)
    this.node.link(3, true, [])
  }

  /** What this sends to node 3 as `LEARNED`. */
  hears(from: number, message: Message): Learned[] {
    const out: Outgoing[] = []
    this.node.input({ kind: 'message', from, message }, out)
    while (this.node.mustCommit) this.node.commit(out)
    return learnedIn(out)
  }

  grows(): void {
    this.node.propose('x', [])
    this.chooses()
  }

  acknowledges(upTo: number, at: number): Learned[] {
    this.node.now = at
    return this.hears(3, { kind: 'learn-ack', session: 1, upTo })
  }

  rests(until: number): Learned[] {
    this.node.now = until
    const out: Outgoing[] = []
    this.node.fire('learn-rest', out)
    return learnedIn(out)
  }

  private chooses(): void {
    while (this.node.mustCommit) this.node.commit([])
    const { lastAccepted, chosenUpTo } = this.node.group
    this.hears(2, { kind: 'accepted', version: 0, ballot: BALLOT, upTo: lastAccepted, chosenUpTo })
  }
}

function learnedIn(out: readonly Outgoing[]): Learned[] {
  return out.flatMap(({ to, message }) => (to === 3 && message.kind === 'learned' ? [message] : []))
}

function beginning(): Source {
  const source = new Source()
  const first = source.hears(3, { kind: 'learn', session: 1, from: 1, want: 'stream' })
  expect(first).toMatchObject([{ from: 1, done: false }])
  expect(first[0]?.values).toHaveLength(1)
  return source
}

test('after a chunk the stream rests twice as long as the chunk took', () => {
  const source = beginning()
  expect(source.acknowledges(1, 10)).toEqual([])
  expect(source.node.armed).toContain('learn-rest')
  expect(source.rests(29)).toEqual([])
  expect(source.rests(30)).toMatchObject([{ from: 2 }])
})

test('a rest is never so long that the learner would ask anew', () => {
  const source = beginning()
  expect(source.acknowledges(1, 400)).toEqual([])
  expect(source.rests(400 + DEFAULT_TUNING.learnMs / 4)).toMatchObject([{ from: 2 }])
})

test('a log that does not grow: the stream stops resting, then widens its window', () => {
  const source = beginning()
  expect(source.acknowledges(1, 500)).toMatchObject([{ from: 2 }])
  expect(source.acknowledges(2, 501)).toMatchObject([{ from: 3 }])
  // It doubles at most every 500 ms, and a value is some 50 bytes long.
  for (let upTo = 3; upTo < 10; upTo++) source.acknowledges(upTo, 500 * upTo)
  const wide = source.acknowledges(10, 6000).flatMap(({ values }) => values)
  expect(wide.length).toBeGreaterThan(2)
})

test('a log that grows at more than half the speed of the stream: it stops resting', () => {
  const source = beginning()
  source.grows()
  expect(source.acknowledges(1, 500)).toMatchObject([{ from: 2 }])
})

test('a stream well ahead of the log goes on resting', () => {
  const source = beginning()
  for (let upTo = 1; upTo < 5; upTo++) {
    expect(source.acknowledges(upTo, source.node.now + 10)).toEqual([])
    expect(source.rests(source.node.now + 20)).toMatchObject([{ from: upTo + 1 }])
  }
  source.grows()
  expect(source.acknowledges(5, 500)).toEqual([])
  expect(source.node.armed).toContain('learn-rest')
})
