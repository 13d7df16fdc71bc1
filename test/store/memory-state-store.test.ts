import { expect, test } from '@jest/globals'
import { MemoryStateStore } from '../../src/store/memory-state-store.js'
import { type StateStoreHarness, stateStoreContract } from './state-store-contract.js'
import { contents, entriesOf, write } from './support/state-values.js'

stateStoreContract('the memory state store', () => {
  const harness: StateStoreHarness = {
    store: new MemoryStateStore(),
    reopen() {
      harness.store = (harness.store as MemoryStateStore).image()
    },
    damageHead: (group, copies) => harm((store) => store.damageHead(group, copies)),
    damageEntry: (group, machine, key) => harm((store) => store.damageEntry(group, machine, key)),
    dispose: () => harness.store.close(),
  }
  const harm = (how: (store: MemoryStateStore) => void) => {
    how(harness.store as MemoryStateStore)
    harness.reopen()
  }
  return harness
})

test('an image is independent of what the original does next', () => {
  const store = new MemoryStateStore()
  store.load(0)
  store.commit([write(0, 1, { a: '1' })])
  const load = store.beginLoad(0)
  load.add(1, entriesOf({ a: 'loaded' }))
  const image = store.image()
  store.commit([write(0, 2, { a: '2', b: '2' })])
  expect(image.load(0)?.executedUpTo).toBe(1)
  expect(contents(image, 0)).toEqual({ a: '1' })
  expect(image.collect(1)).toBe(true)
  expect(store.collect(1)).toBe(false)
})

test('a failed commit stores nothing and is final; an image of it works', () => {
  const store = new MemoryStateStore()
  store.load(0)
  store.failNextCommit('DISK_FULL')
  expect(() => store.commit([write(0, 1, { a: '1' })])).toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
  expect(() => store.load(0)).toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
  const image = store.image()
  expect(image.load(0)).toBeUndefined()
  image.commit([write(0, 1, { a: '1' })])
  expect(contents(image, 0)).toEqual({ a: '1' })
})
