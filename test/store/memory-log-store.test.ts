import { expect, test } from '@jest/globals'
import { MemoryLogStore } from '../../src/store/memory-log-store.js'
import { type LogStoreHarness, logStoreContract } from './log-store-contract.js'
import { accepted, head } from './support/records.js'

logStoreContract('the memory log store', () => {
  const harness: LogStoreHarness = {
    store: new MemoryLogStore(),
    reopen() {
      harness.store = (harness.store as MemoryLogStore).image()
    },
    damageHead: (group, copies) => harm((store) => store.damageHead(group, copies)),
    damageRecord: (group, instance) => harm((store) => store.damageRecord(group, instance)),
    loseRecord: (group, instance) => harm((store) => store.loseRecord(group, instance)),
    dispose: () => harness.store.close(),
  }
  const harm = (how: (store: MemoryLogStore) => void) => {
    how(harness.store as MemoryLogStore)
    harness.reopen()
  }
  return harness
})

test('an image is independent of what the original does next', () => {
  const store = new MemoryLogStore()
  store.create([0])
  store.commit([{ group: 0, records: [accepted(1)], head: head({ lastAccepted: 1 }) }])
  const image = store.image()
  store.commit([{ group: 0, records: [accepted(2)], head: head({ chosenUpTo: 1, lastAccepted: 2 }) }])
  expect(image.load(0)?.head.lastAccepted).toBe(1)
})

test('a failed commit stores nothing and is final; an image of it works', () => {
  const store = new MemoryLogStore()
  store.create([0])
  store.failNextCommit('DISK_FULL')
  const write = { group: 0, records: [accepted(1)], head: head({ lastAccepted: 1 }) }
  expect(() => store.commit([write])).toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
  expect(() => store.load(0)).toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
  const image = store.image()
  expect(image.load(0)?.tail).toEqual([])
  image.commit([write])
})
