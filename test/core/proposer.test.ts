import { expect, test } from '@jest/globals'
import { ballotOf } from '../../src/core/ballot.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import type { AcceptedRecord } from '../../src/core/durable.js'
import type { Message } from '../../src/core/messages.js'
import { messageName } from '../support/core-names.js'
import { NodeModel, type Outgoing } from '../support/core-node.js'
import { testValues, textBody } from '../support/core-values.js'

function record(instance: number, ballot: number, recoveredTo: number, text: string): AcceptedRecord {
  const run = { origin: 9, incarnation: 'i', session: 1, sequence: 1, count: 1, floor: 0, body: textBody(text) }
  return { instance, ballot, recoveredTo, version: 0, value: testValues.encode([run]) }
}

/** Node 1 of three, with a tail of an old ballot on its disk, that campaigns; the test speaks for the others. */
class Candidate {
  readonly node = new NodeModel(1, [1, 2, 3], { tuning: { ...DEFAULT_TUNING, window: 4 }, proposeOn: 'here' })
  said: string[] = []

  constructor(tail: readonly AcceptedRecord[], promised: number) {
    const head = { promised, chosenUpTo: 0, chain: 0, lastAccepted: tail.length, firstKept: 1 }
    this.node.disk.write(tail, head)
    this.node.restart([])
  }

  hears(from: number, message: Message): void {
    this.does((out) => this.node.input({ kind: 'message', from, message }, out))
  }

  does(action: (out: Outgoing[]) => void): void {
    const out: Outgoing[] = []
    action(out)
    this.said = out.filter(({ to }) => to === 2).map(({ message }) => messageName(message))
  }

  commits(): void {
    this.does((out) => this.node.commit(out))
  }
}

const OLD = ballotOf(1, 2)
const NEWER = ballotOf(2, 3)
const OWN = ballotOf(3, 1)

test('a new leader proposes again what was reported, and drops what is dead above it', () => {
  const candidate = new Candidate([record(1, OLD, 0, 'a'), record(2, OLD, 0, 'b'), record(3, OLD, 0, 'c')], NEWER)
  candidate.does((out) => candidate.node.propose('x', out))
  candidate.commits()
  expect(candidate.said).toEqual(['PREPARE b=3.1 from=1'])
  // The prepare of 2.3 saw nothing above instance 1, so nothing of 1.2 above it was ever chosen, or ever can be.
  const records = [record(1, NEWER, 1, 'z')]
  candidate.hears(2, { kind: 'promise', version: 0, ballot: OWN, from: 1, chosenUpTo: 0, records })
  expect(candidate.node.group.isLeading).toBe(true)
  expect(candidate.said[0]).toBe('ACCEPT b=3.1 i=1 "z" r=1 chosen=0')
  expect(candidate.said[1]).toBe('ACCEPT b=3.1 i=2 session of 1 r=1 chosen=0')
  expect(candidate.node.group.lastAccepted).toBe(2)
})

test('whoever is pushed aside backs off before it tries again', () => {
  const candidate = new Candidate([], 0)
  candidate.does((out) => candidate.node.propose('x', out))
  candidate.commits()
  expect(candidate.said).toEqual(['PREPARE b=1.1 from=1'])
  candidate.hears(2, { kind: 'prepare', version: 0, ballot: ballotOf(1, 2), from: 1 })
  candidate.commits()
  expect(candidate.said).toEqual(['PROMISE b=1.2 chosen=0 []'])
  expect(candidate.node.armed.has('back-off')).toBe(true)
  candidate.does((out) => candidate.node.fire('back-off', out))
  candidate.commits()
  expect(candidate.said).toEqual(['PREPARE b=2.1 from=1'])
})

test('an own vote counts after the own commit, and two votes of three choose', () => {
  const candidate = new Candidate([], 0)
  candidate.does((out) => candidate.node.propose('x', out))
  candidate.commits()
  const promise: Message = { kind: 'promise', version: 0, ballot: ballotOf(1, 1), from: 1, chosenUpTo: 0, records: [] }
  candidate.hears(2, promise)
  expect(candidate.said).toEqual(['ACCEPT b=1.1 i=1 session of 1 r=0 chosen=0'])
  const accepted: Message = { kind: 'accepted', version: 0, ballot: ballotOf(1, 1), chosenUpTo: 0, upTo: 1 }
  candidate.hears(2, accepted)
  candidate.hears(2, accepted)
  expect(candidate.node.group.chosenUpTo).toBe(0)
  candidate.commits()
  expect(candidate.node.group.chosenUpTo).toBe(1)
})

test('it gives up its ballot on a refusal, and on a higher promise of its own acceptor', () => {
  const candidate = new Candidate([], 0)
  candidate.does((out) => candidate.node.propose('x', out))
  candidate.commits()
  const promise: Message = { kind: 'promise', version: 0, ballot: ballotOf(1, 1), from: 1, chosenUpTo: 0, records: [] }
  candidate.hears(2, promise)
  expect(candidate.node.group.isLeading).toBe(true)
  candidate.hears(3, { kind: 'nack', ballot: ballotOf(1, 1), promised: ballotOf(1, 3) })
  expect(candidate.node.group.isLeading).toBe(false)
  candidate.hears(2, { kind: 'accepted', version: 0, ballot: ballotOf(1, 1), chosenUpTo: 0, upTo: 1 })
  candidate.commits()
  expect(candidate.node.group.chosenUpTo).toBe(0)
})

test('BUSY says who leads, and is a sign of life only from the leader itself', () => {
  const node = new NodeModel(2, [1, 2, 3], { tuning: DEFAULT_TUNING, proposeOn: 'leader' })
  const does = (action: (out: Outgoing[]) => void) => {
    const out: Outgoing[] = []
    action(out)
    return out.map(({ to, message }) => `${to} ${messageName(message)}`)
  }
  const hears = (from: number, message: Message) => does((out) => node.input({ kind: 'message', from, message }, out))
  const suspects = () => {
    node.now += DEFAULT_TUNING.suspectMs
    return does((out) => node.fire('suspicion', out))
  }
  const leader = ballotOf(1, 1)
  node.start([])
  hears(1, { kind: 'chosen', ballot: leader, upTo: 0, chain: 0 })
  node.propose('x', [])
  expect(suspects()).toEqual(['1 PROBE 1', '3 PROBE 1'])
  // Node 3 has heard it later, so it is worth another try; but when node 3 asks next, it has to be told the truth.
  expect(hears(3, { kind: 'busy', probe: 1, ballot: leader })).toEqual(['1 FORWARD session of 2 hops=0'])
  expect(hears(3, { kind: 'probe', probe: 1 })).toEqual(['3 FREE 1 promised=- chosen=0'])
  does((out) => node.fire('back-off', out))
  expect(suspects()).toEqual(['1 PROBE 2', '3 PROBE 2'])
  expect(hears(1, { kind: 'busy', probe: 2, ballot: leader })).toEqual(['1 FORWARD session of 2 hops=0'])
  expect(hears(3, { kind: 'probe', probe: 2 })).toEqual(['3 BUSY 2 b=1.1'])
})

test('a leader that loses with a record of its own open completes it, if nobody else does', () => {
  const candidate = new Candidate([], 0)
  candidate.does((out) => candidate.node.propose('x', out))
  candidate.commits()
  const ballot = ballotOf(1, 1)
  candidate.hears(2, { kind: 'promise', version: 0, ballot, from: 1, chosenUpTo: 0, records: [] })
  expect(candidate.node.group.isLeading).toBe(true)
  expect(candidate.node.armed.has('tail')).toBe(false)
  candidate.hears(3, { kind: 'nack', ballot, promised: ballotOf(5, 3) })
  expect(candidate.node.group.isLeading).toBe(false)
  expect(candidate.node.group.lastAccepted).toBe(1)
  expect(candidate.node.armed.has('tail')).toBe(true)
})
