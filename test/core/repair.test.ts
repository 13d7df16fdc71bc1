import { expect, test } from '@jest/globals'
import { ballotOf } from '../../src/core/ballot.js'
import type { Value } from '../../src/core/command-run.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { Learn, Message } from '../../src/core/messages.js'
import { NodeModel, type Outgoing } from '../support/core-node.js'

const BALLOT = ballotOf(1, 1)

/** Node 1 of three, which has chosen a few instances with the help of node 2. */
class Owner {
  readonly node: NodeModel

  /** `chainHistory`: chains that it remembers. */
  constructor(chainHistory = DEFAULT_TUNING.chainHistory) {
    const tuning = { ...DEFAULT_TUNING, batchCount: 1, chainHistory }
    this.node = new NodeModel(1, [1, 2, 3], { tuning, proposeOn: 'here' })
    this.node.start([])
    this.node.propose('a', [])
    this.hears(2, { kind: 'promise', version: 0, ballot: BALLOT, from: 1, chosenUpTo: 0, records: [] })
    for (const text of ['b', 'c', 'd']) {
      this.commits()
      const { lastAccepted: upTo, chosenUpTo } = this.node.group
      this.hears(2, { kind: 'accepted', version: 0, ballot: BALLOT, upTo, chosenUpTo })
      this.node.propose(text, [])
    }
    this.commits()
    expect(this.node.group.executedUpTo).toBe(4)
  }

  value(instance: number): Value {
    return this.node.disk.record(instance)?.value as Value
  }

  unreadable(instance: number): Learn[] {
    return this.asks((out) => this.node.input({ kind: 'unreadable', instance }, out))
  }

  waits(): Learn[] {
    return this.asks((out) => this.node.fire('repair', out))
  }

  learns(from: number, asked: Learn | undefined, values: readonly Value[], chosenUpTo = 9): void {
    const { session, from: instance } = asked as Learn
    this.hears(from, { kind: 'learned', session, from: instance, values, chosenUpTo, done: true })
  }

  hears(from: number, message: Message): void {
    this.node.input({ kind: 'message', from, message }, [])
    this.commits()
  }

  private commits(): void {
    while (this.node.mustCommit) this.node.commit([])
  }

  private asks(act: (out: Outgoing[]) => void): Learn[] {
    const out: Outgoing[] = []
    act(out)
    return out.flatMap(({ message }) => (message.kind === 'learn' ? [message] : []))
  }
}

test('an unreadable record is asked for by itself, from one peer after another until one has it', () => {
  const owner = new Owner()
  const lost = owner.value(2)
  owner.node.disk.records[2] = undefined
  const [first] = owner.unreadable(2)
  expect(first).toMatchObject({ from: 2, want: 'once' })
  expect(owner.unreadable(2)).toEqual([])
  owner.learns(2, first, [])
  expect(owner.node.disk.record(2)).toBeUndefined()
  const [second] = owner.waits()
  owner.learns(3, second, [lost])
  expect(owner.node.disk.record(2)).toMatchObject({ ballot: 0, value: lost })
  expect(owner.waits()).toEqual([])
})

test('a value that the own checksum chain contradicts is not taken', () => {
  const owner = new Owner()
  const lost = owner.value(2)
  owner.node.disk.records[2] = undefined
  const [first] = owner.unreadable(2)
  owner.learns(2, first, [owner.value(3)])
  expect(owner.node.disk.record(2)).toBeUndefined()
  const [second] = owner.waits()
  owner.learns(3, second, [lost])
  expect(owner.node.disk.record(2)?.value).toEqual(lost)
})

test('of several lost records one that nobody has does not hold up the others', () => {
  const owner = new Owner()
  const lost = owner.value(3)
  owner.node.disk.records[2] = undefined
  owner.node.disk.records[3] = undefined
  const asked = [...owner.unreadable(2), ...owner.unreadable(3)]
  expect(asked).toMatchObject([{ from: 2 }])
  expect(owner.waits()).toMatchObject([{ from: 2 }])
  const [other] = owner.waits()
  expect(other).toMatchObject({ from: 3 })
  owner.learns(2, other, [lost])
  expect(owner.node.disk.record(3)?.value).toEqual(lost)
  expect(owner.waits()).toMatchObject([{ from: 2 }])
})

test('an answer to an earlier question, or from another peer, changes nothing', () => {
  const owner = new Owner()
  const lost = owner.value(2)
  owner.node.disk.records[2] = undefined
  const [first] = owner.unreadable(2)
  const [second] = owner.waits()
  owner.learns(2, first, [lost])
  owner.learns(2, second, [lost])
  expect(owner.node.disk.record(2)).toBeUndefined()
  owner.learns(3, second, [lost])
  expect(owner.node.disk.record(2)?.value).toEqual(lost)
})

test('a peer answers with that one record, and with nothing that it does not hold', () => {
  const owner = new Owner()
  const out: Outgoing[] = []
  const ask = (from: number) =>
    owner.node.input({ kind: 'message', from: 3, message: { kind: 'learn', session: 7, from, want: 'once' } }, out)
  ask(2)
  const values = [owner.value(2)]
  expect(out).toMatchObject([{ to: 3, message: { kind: 'learned', session: 7, from: 2, values, done: true } }])
  out.length = 0
  ask(owner.node.group.lastAccepted + 1)
  expect(out).toEqual([])
})

test('where no peer knows the instance chosen, a record that one has accepted is checked by the chain', () => {
  const owner = new Owner()
  const lost = owner.value(2)
  owner.node.disk.records[2] = undefined
  const [first] = owner.unreadable(2)
  owner.learns(2, first, [owner.value(3)], 1)
  expect(owner.node.disk.record(2)).toBeUndefined()
  const [second] = owner.waits()
  owner.learns(3, second, [lost], 1)
  expect(owner.node.disk.record(2)?.value).toEqual(lost)
})

test('an accepted record that the chain does not reach is not believed', () => {
  const owner = new Owner(1)
  const lost = owner.value(2)
  owner.node.disk.records[2] = undefined
  const [first] = owner.unreadable(2)
  owner.learns(2, first, [lost], 1)
  expect(owner.node.disk.record(2)).toBeUndefined()
  const [second] = owner.waits()
  owner.learns(3, second, [lost], 2)
  expect(owner.node.disk.record(2)?.value).toEqual(lost)
})

test('a peer that has only accepted the record gives it, and says so', () => {
  const node = new NodeModel(2, [1, 2, 3], { tuning: DEFAULT_TUNING, proposeOn: 'leader' })
  const out: Outgoing[] = []
  node.start(out)
  const value = new Owner().value(1)
  const accept = { version: 0, ballot: BALLOT, instance: 1, recoveredTo: 0, chosenUpTo: 0, value }
  node.input({ kind: 'message', from: 1, message: { kind: 'accept', ...accept } }, out)
  while (node.mustCommit) node.commit(out)
  out.length = 0
  node.input({ kind: 'message', from: 1, message: { kind: 'learn', session: 7, from: 1, want: 'once' } }, out)
  expect(out).toMatchObject([
    { to: 1, message: { kind: 'learned', session: 7, from: 1, values: [value], chosenUpTo: 0, done: true } },
  ])
})
