import { expect, test } from '@jest/globals'
import { ChainHistory } from '../../src/core/chain-history.js'
import { LogWindow } from '../../src/core/log-window.js'
import { textBody } from '../support/core-values.js'

function entry(instance: number, ballot: number, bytes = 10) {
  return { instance, ballot, recoveredTo: 0, version: 0, value: textBody('x'.repeat(bytes)) }
}

test('the stretch held at one ballot ends at the first record of another', () => {
  const log = new LogWindow(4, [entry(5, 20), entry(6, 20), entry(7, 10)])
  expect(log.lastAccepted).toBe(7)
  expect(log.heldUpTo(4, 20)).toBe(6)
  expect(log.heldUpTo(4, 10)).toBe(4)
  expect(log.recordsFrom(6).map(({ instance }) => instance)).toEqual([6, 7])
})

test('what is dead above a recovery is dropped', () => {
  const log = new LogWindow(4, [entry(5, 20), entry(6, 20), entry(7, 10)])
  log.dropAbove(5)
  expect(log.lastAccepted).toBe(5)
  expect(log.get(6)).toBeUndefined()
})

test('eviction keeps the next values to be executed, and gives up the newest', () => {
  const log = new LogWindow(0, [])
  for (let instance = 1; instance <= 5; instance++) {
    log.put(entry(instance, 10))
    log.noteChosen(instance)
  }
  log.evict(0, 5, 25)
  expect([1, 2, 3, 4, 5].map((instance) => log.get(instance) !== undefined)).toEqual([true, true, false, false, false])
})

test('a peer that contradicts a known chain is noticed once, an early claim when its instance is reached', () => {
  const chains = new ChainHistory(0, 0, 4)
  chains.extend(1, 111)
  expect(chains.claim(2, 1, 111)).toBe(false)
  expect(chains.claim(2, 1, 999)).toBe(true)
  expect(chains.claim(2, 1, 999)).toBe(false)
  expect(chains.claim(3, 2, 888)).toBe(false)
  chains.extend(2, 222)
  expect(chains.settleClaims()).toEqual([3])
  for (let instance = 3; instance <= 9; instance++) chains.extend(instance, instance * 111)
  expect([chains.at(5), chains.at(6), chains.at(9), chains.at(10)]).toEqual([undefined, 666, 999, undefined])
})
