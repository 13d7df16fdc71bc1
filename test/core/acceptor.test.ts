import { describe, expect, test } from '@jest/globals'
import { ballotOf } from '../../src/core/ballot.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { Message } from '../../src/core/messages.js'
import { messageName, recordName } from '../support/core-names.js'
import { NodeModel, type Outgoing } from '../support/core-node.js'
import { testValues, textBody } from '../support/core-values.js'

const LOW = ballotOf(1, 2)
const HIGH = ballotOf(2, 3)

function value(text: string): Uint8Array {
  return testValues.encode([
    { origin: 9, incarnation: 'i', session: 1, sequence: 1, count: 1, floor: 0, body: textBody(text) },
  ])
}

function accept(ballot: number, instance: number, text: string, chosenUpTo = 0): Message {
  return { kind: 'accept', version: 0, ballot, instance, recoveredTo: 0, chosenUpTo, value: value(text) }
}

function prepare(ballot: number, from: number): Message {
  return { kind: 'prepare', version: 0, ballot, from }
}

/** Node 1 of three, and what it says and writes, as lines. */
class Acceptor {
  readonly node = new NodeModel(1, [1, 2, 3], { tuning: { ...DEFAULT_TUNING, window: 4 }, proposeOn: 'leader' })

  constructor() {
    this.node.start([])
  }

  hears(from: number, message: Message): string[] {
    return this.says((out) => this.node.input({ kind: 'message', from, message }, out))
  }

  /** What waits for the disk, and then what may be said. */
  commits(): string[] {
    const records = this.node.records.map((record) => `writes ${recordName(record)}`)
    return [...records, ...this.says((out) => this.node.commit(out))]
  }

  private says(action: (out: Outgoing[]) => void): string[] {
    const out: Outgoing[] = []
    action(out)
    return out.map(({ to, message }) => `→ ${to} ${messageName(message)}`)
  }
}

describe('an acceptor', () => {
  test('promises only after its promise is durable', () => {
    const acceptor = new Acceptor()
    expect(acceptor.hears(2, prepare(LOW, 1))).toEqual([])
    expect(acceptor.commits()).toEqual(['→ 2 PROMISE b=1.2 chosen=0 []'])
  })

  test('answers the same prepare again without a write', () => {
    const acceptor = new Acceptor()
    acceptor.hears(2, prepare(LOW, 1))
    acceptor.commits()
    expect(acceptor.hears(2, prepare(LOW, 1))).toEqual(['→ 2 PROMISE b=1.2 chosen=0 []'])
  })

  test('refuses what is below its promise, prepare or accept', () => {
    const acceptor = new Acceptor()
    acceptor.hears(3, prepare(HIGH, 1))
    expect(acceptor.hears(2, prepare(LOW, 1))).toEqual(['→ 2 NACK b=1.2 promised=2.3'])
    expect(acceptor.hears(2, accept(LOW, 1, 'a'))).toEqual(['→ 2 NACK b=1.2 promised=2.3'])
    expect(acceptor.commits()).toEqual(['→ 3 PROMISE b=2.3 chosen=0 []'])
  })

  test('raises its promise with a record, and says so once for all', () => {
    const acceptor = new Acceptor()
    expect(acceptor.hears(2, accept(LOW, 1, 'a'))).toEqual([])
    expect(acceptor.hears(2, accept(LOW, 2, 'b'))).toEqual([])
    expect(acceptor.node.group.promised).toBe(LOW)
    expect(acceptor.commits()).toEqual([
      'writes 1:"a" b=1.2 r=0',
      'writes 2:"b" b=1.2 r=0',
      '→ 2 ACCEPTED b=1.2 upTo=2',
    ])
  })

  test('takes no record behind a hole, and its promise does not move', () => {
    const acceptor = new Acceptor()
    expect(acceptor.hears(2, accept(LOW, 2, 'b'))).toEqual(['→ 2 GAP b=1.2 next=1'])
    expect(acceptor.node.group.promised).toBe(0)
    expect(acceptor.node.mustCommit).toBe(false)
  })

  test('takes no record behind one of another ballot', () => {
    const acceptor = new Acceptor()
    acceptor.hears(2, accept(LOW, 1, 'a'))
    acceptor.commits()
    expect(acceptor.hears(3, accept(HIGH, 2, 'c'))).toEqual(['→ 3 GAP b=2.3 next=1'])
    expect(acceptor.node.group.promised).toBe(LOW)
  })

  test('sends a candidate that lacks what is chosen here to learn, and its promise does not move', () => {
    const acceptor = new Acceptor()
    acceptor.hears(2, accept(LOW, 1, 'a'))
    acceptor.commits()
    acceptor.hears(2, { kind: 'chosen', ballot: LOW, upTo: 1, chain: testValues.checksum(value('a'), 0) })
    expect(acceptor.node.group.chosenUpTo).toBe(1)
    expect(acceptor.hears(3, prepare(HIGH, 1))).toEqual(['→ 3 BEHIND b=2.3 chosen=1'])
    expect(acceptor.node.group.promised).toBe(LOW)
    expect(acceptor.hears(3, prepare(HIGH, 2))).toEqual([])
    expect(acceptor.commits()).toEqual(['→ 3 PROMISE b=2.3 chosen=1 []'])
  })

  test('believes CHOSEN only of records of that ballot, and asks for the others', () => {
    const acceptor = new Acceptor()
    acceptor.hears(2, accept(LOW, 1, 'a'))
    acceptor.commits()
    expect(acceptor.hears(3, { kind: 'chosen', ballot: HIGH, upTo: 1, chain: 7 })).toEqual(['→ 3 LEARN from=1'])
    expect(acceptor.node.group.chosenUpTo).toBe(0)
  })

  test('answers nobody who is no voter', () => {
    const acceptor = new Acceptor()
    expect(acceptor.hears(4, prepare(ballotOf(1, 4), 1))).toEqual([])
    expect(acceptor.hears(2, prepare(ballotOf(1, 3), 1))).toEqual([])
    expect(acceptor.node.mustCommit).toBe(false)
  })
})
