import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Misleading, mislead, misleading } from './misleading.js'

const SEED = 20261121

test('whatever a voter says: no worker ends, no other group suffers, every disk can be read again', () => {
  fc.assert(
    fc.property(misleading, (lies) => void mislead(lies)),
    { seed: SEED, numRuns: 40 },
  )
})

/** Found so, and kept: each ended the worker when it had to campaign, and left a head that could not be read again. */
const found: [string, Misleading[]][] = [
  [
    'the last ballot there is, as that of a leader',
    [{ from: 1, to: 2, message: { kind: 'status', chosenUpTo: 1, lastAccepted: 1, chain: 0, leader: 2 ** 53 - 1 } }],
  ],
  [
    'a promise of the last ballot there is',
    [{ from: 3, to: 2, message: { kind: 'nack', ballot: 0, promised: 2 ** 53 - 1 } }],
  ],
]
test.each(found)('%s', (_name, lies) => {
  expect(mislead(lies)).toEqual([])
})
