import { describe, expect, test } from '@jest/globals'
import type { CommandRun } from '../../src/core/command-run.js'
import type { Base } from '../../src/core/durable.js'
import { chainsOf, GroupAlone, valueWith } from '../support/core-alone.js'
import { testValues, textBody } from '../support/core-values.js'

const values = ['a', 'b', 'c', 'd', 'e', 'f'].map(valueWith)
const chains = chainsOf(values)
const value = (instance: number) => values[instance - 1] as Uint8Array

/** All six are chosen on disk; the state stands at `executedUpTo`. */
function restarted(executedUpTo: number, chain = chains[executedUpTo] as number): GroupAlone {
  const base: Base = { executedUpTo, chain, sessions: [] }
  return new GroupAlone({ chosenUpTo: 6, lastAccepted: 6, chain: chains[6] as number }, base)
}

function execute({ group, step }: GroupAlone, instance: number, executed: Uint8Array, stepper: GroupAlone): void {
  group.planExecution(instance, executed)
  step.call(stepper, { kind: 'executed', instance })
}

function executeFrom(node: GroupAlone, first: number, of: (instance: number) => Uint8Array = value): void {
  for (let instance = first; instance <= 6; instance++) execute(node, instance, of(instance), node)
}

describe('a replay', () => {
  test('goes on where the state stands, and ends at the chain of the log', () => {
    const node = restarted(2)
    executeFrom(node, 3)
    expect(node.group.base()).toEqual({ executedUpTo: 6, chain: chains[6], sessions: [] })
    expect(() => node.group.planExecution(7, value(1))).toThrow('execution follows the log')
    expect(() => restarted(2).group.planExecution(4, value(4))).toThrow('execution follows the log')
  })

  test('of a record that is sound and not the one that was chosen is refused when it reaches the head', () => {
    const node = restarted(2)
    const older = (instance: number) => value(instance === 4 ? 3 : instance)
    expect(() => executeFrom(node, 3, older)).toThrow('the records up to 6 are not the ones that were chosen')
    expect(node.group.executedUpTo).toBe(5)
  })

  test('on a state that other values have made is refused', () => {
    expect(() => executeFrom(restarted(2, chains[3]), 3)).toThrow('are not the ones that were chosen')
    expect(() => restarted(6, chains[5])).toThrow('the state and the log were made by the same values')
  })

  test('does not begin on a state ahead of the log', () => {
    const base = { executedUpTo: 7, chain: 1, sessions: [] }
    expect(() => new GroupAlone({ chosenUpTo: 6, lastAccepted: 6 }, base)).toThrow('nothing is executed that the log')
  })
})

describe('the state is saved', () => {
  test('between two instances only: in the middle of one the sessions are those behind it', () => {
    const node = restarted(5)
    expect(node.group.isSaveable).toBe(true)
    node.group.planExecution(6, value(6))
    expect(node.group.isSaveable).toBe(false)
    expect(() => node.group.base()).toThrow('between two instances')
    node.step({ kind: 'executed', instance: 6 })
    expect(node.group.isSaveable).toBe(true)
  })

  test('when the head on disk says that it is chosen, for which it can ask', () => {
    const node = new GroupAlone()
    node.link(2)
    const learned = (from: number, text: string) =>
      node.hears(2, {
        ...{ kind: 'learned', session: 1, from, values: [valueWith(text)], chosenUpTo: from, done: true },
      })
    learned(1, 'a')
    execute(node, 1, value(1), node)
    expect(node.group.isSaveable).toBe(true)
    const ballot = 65538
    node.hears(2, {
      ...{ kind: 'accept', version: 0, ballot, instance: 2, recoveredTo: 1, chosenUpTo: 1, value: value(2) },
    })
    // Its record is on disk, and no head that says so: a restart would not know it chosen.
    node.hears(2, { kind: 'chosen', ballot, upTo: 2, chain: chains[2] as number })
    node.step({ kind: 'drained' })
    execute(node, 2, value(2), node)
    expect(node.group.isSaveable).toBe(false)
    expect(node.group.durableChosenUpTo).toBe(1)
    expect(node.step({ kind: 'save' }).head).toMatchObject({ chosenUpTo: 2 })
    expect(node.group.isSaveable).toBe(true)
    expect(node.step({ kind: 'save' }).head).toBeUndefined()
  })

  test('with the sessions, in which a group that is built again goes on', () => {
    const open: CommandRun = {
      ...{ origin: 1, incarnation: 'i1', session: 0, sequence: 0, count: 0, floor: 0, body: textBody('') },
    }
    const opening = testValues.encode([open])
    const [, chain] = chainsOf([opening])
    const head = { chosenUpTo: 1, lastAccepted: 1, chain: chain as number }
    const before = new GroupAlone(head)
    execute(before, 1, opening, before)
    const base = before.group.base()
    expect(base.sessions).toMatchObject([{ origin: 1, incarnation: 'i1', opened: 1 }])
    const after = new GroupAlone({ ...head, firstKept: 2 }, base)
    after.link(2)
    after.hears(2, { kind: 'status', chosenUpTo: 1, lastAccepted: 1, chain: chain as number, leader: 65538 })
    const run = { sequence: 3, count: 1, body: textBody('x'), deadline: after.now + 1000 }
    after.step({ kind: 'propose', run })
    expect(after.sent('forward')).toMatchObject([{ runs: [{ session: 1, sequence: 3 }] }])
  })
})
