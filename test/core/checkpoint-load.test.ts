import { expect, test } from '@jest/globals'
import { ballotOf } from '../../src/core/ballot.js'
import { headAfterLoad } from '../../src/core/checkpoint-load.js'
import type { Head } from '../../src/core/durable.js'
import { GroupAlone, valueWith } from '../support/core-alone.js'

const PROMISED = ballotOf(3, 2)

/** `chosenUpTo`, `lastAccepted`, `firstKept`. */
function head(chosenUpTo: number, lastAccepted: number, firstKept: number): Head {
  return { promised: PROMISED, chosenUpTo, chain: chosenUpTo, lastAccepted, firstKept }
}

test.each([
  ['far behind', 50, head(10, 10, 1), head(50, 50, 51)],
  ['with an accepted tail below the checkpoint', 50, head(10, 14, 1), head(50, 50, 51)],
  ['with an accepted tail across it', 50, head(48, 53, 20), head(50, 53, 51)],
  ['whose log had come further, and whose state was lost', 50, head(60, 62, 41), head(60, 62, 51)],
  ['that had trimmed to the checkpoint', 50, head(60, 60, 51), head(60, 60, 51)],
])('a node %s', (_who, executedUpTo, before, after) => {
  expect(headAfterLoad(before, { executedUpTo, chain: executedUpTo })).toEqual(after)
})

test('what is accepted above the checkpoint is there after it, and the promise; what was below is gone', () => {
  const tail = [49, 50, 51, 52].map((instance) => {
    return { instance, ballot: PROMISED, recoveredTo: 48, version: 0, value: valueWith(`${instance}`) }
  })
  const before = { promised: PROMISED, chosenUpTo: 48, chain: 3, lastAccepted: 52, firstKept: 20 }
  const base = { executedUpTo: 50, chain: 5, sessions: [] }
  const after = headAfterLoad(before, base)
  const group = new GroupAlone(after, base, {}, tail.slice(2))
  const { promised, chosenUpTo, executedUpTo, lastAccepted } = group.group
  expect({ promised, chosenUpTo, executedUpTo, lastAccepted }).toEqual({
    ...{ promised: PROMISED, chosenUpTo: 50, executedUpTo: 50, lastAccepted: 52 },
  })
  group.link(3)
  group.hears(3, { kind: 'prepare', version: 0, ballot: ballotOf(4, 3), from: 51 })
  expect(group.sent('promise')).toMatchObject([{ chosenUpTo: 50, records: tail.slice(2) }])
  group.hears(3, { kind: 'prepare', version: 0, ballot: ballotOf(5, 3), from: 49 })
  expect(group.sent('behind')).toMatchObject([{ chosenUpTo: 50 }])
})
