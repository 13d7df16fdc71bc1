import { expect, test } from '@jest/globals'
import { Random } from '../../src/base/random.js'
import { ballotOf } from '../../src/core/ballot.js'
import type { AcceptedRecord } from '../../src/core/durable.js'
import { recover } from '../../src/core/recovery.js'
import { bodyText, textBody } from '../support/core-values.js'

function record(instance: number, ballot: number, recoveredTo: number): AcceptedRecord {
  return { instance, ballot, recoveredTo, version: 0, value: textBody(`${instance}@${ballot}`) }
}

function names(values: readonly Uint8Array[]): string[] {
  return values.map(bodyText)
}

/** The rule as protocol.md words it, slowly: filter, then the highest ballot of each instance, up to the first hole. */
function dumbTwin(chosenUpTo: number, records: readonly AcceptedRecord[]): string[] {
  const above = records.filter(({ instance }) => instance > chosenUpTo)
  const top = [...above].sort((a, b) => b.ballot - a.ballot)[0]
  if (!top) return []
  const alive = above.filter(({ ballot, instance }) => ballot === top.ballot || instance <= top.recoveredTo)
  const values: string[] = []
  for (let instance = chosenUpTo + 1; ; instance++) {
    const best = alive.filter((one) => one.instance === instance).sort((a, b) => b.ballot - a.ballot)[0]
    if (!best) return values
    values.push(bodyText(best.value))
  }
}

test('nothing reported: nothing to propose again', () => {
  expect(recover(7, [])).toEqual([])
})

test('the value of the highest ballot is taken', () => {
  expect(names(recover(4, [record(5, 10, 5), record(5, 20, 5), record(5, 15, 5)]))).toEqual(['5@20'])
})

test('what an older ballot left above recoveredTo of the highest is dead', () => {
  const older = [record(5, 10, 4), record(6, 10, 4), record(7, 10, 4)]
  expect(names(recover(4, [...older, record(5, 20, 5)]))).toEqual(['5@20'])
  expect(names(recover(4, [...older, record(5, 20, 6)]))).toEqual(['5@20', '6@10'])
})

test('what is chosen here already is left out', () => {
  expect(names(recover(5, [record(5, 30, 5), record(6, 10, 4)]))).toEqual(['6@10'])
})

test('recovery agrees with a dumb twin on random reports', () => {
  const random = new Random(4)
  for (let round = 0; round < 20_000; round++) {
    const chosenUpTo = random.below(3)
    const records: AcceptedRecord[] = []
    for (let voter = 0; voter < 3; voter++) {
      // A tail as an acceptor holds it: contiguous, ballots never rising.
      let ballot = ballotOf(1 + random.below(4), 1 + random.below(3))
      for (let instance = 1; instance <= random.below(6); instance++) {
        // One ballot has one leader, one recoveredTo, and one value an instance.
        records.push(record(instance, ballot, ballot % 5))
        if (random.chance(0.4)) ballot = Math.min(ballot, ballotOf(1 + random.below(4), 1 + random.below(3)))
      }
    }
    expect(names(recover(chosenUpTo, records))).toEqual(dumbTwin(chosenUpTo, records))
  }
})
