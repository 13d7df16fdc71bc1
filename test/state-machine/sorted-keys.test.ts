import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { KeyCursor, SortedKeys } from '../../src/state-machine/sorted-keys.js'

function walk(keys: SortedKeys, from: string, end: string | undefined, reverse: boolean): string[] {
  const cursor = new KeyCursor(keys, from, end, reverse)
  const seen: string[] = []
  for (let key = cursor.next(); key !== undefined; key = cursor.next()) seen.push(key)
  expect(cursor.next()).toBeUndefined()
  return seen
}

const name = (number: number) => String(number).padStart(5, '0')
const upTo = (count: number) => Array.from({ length: count }, (_, i) => name(i))

test.each([
  ['ascending', (keys: string[]) => keys],
  ['descending', (keys: string[]) => [...keys].reverse()],
  ['from both ends', (keys: string[]) => keys.map((_, i) => keys[i % 2 === 0 ? i / 2 : keys.length - (i + 1) / 2]!)],
])('thousands of keys added one by one, %s, are in order, each there once', (_, order) => {
  const names = upTo(5000)
  const keys = new SortedKeys([])
  for (const key of order(names)) keys.add(key)
  for (const key of names.slice(0, 700)) keys.add(key)
  expect(walk(keys, '', undefined, false)).toEqual(names)
  expect(walk(keys, '', undefined, true)).toEqual([...names].reverse())
  expect(walk(keys, name(700), name(4321), false)).toEqual(names.slice(700, 4321))
  expect(walk(keys, name(700), name(4321), true)).toEqual(names.slice(700, 4321).reverse())
  expect(walk(keys, name(9), name(9), false)).toEqual([])
  expect(walk(keys, name(4321), name(700), true)).toEqual([])
})

test('a cursor keeps its place while keys are added before and behind it, and chunks are split', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2000), { maxLength: 300 }), fc.boolean(), fc.nat(600), (added, reverse, steps) => {
      const old = upTo(2000).filter((_, i) => i % 3 === 0)
      const keys = new SortedKeys(old)
      const cursor = new KeyCursor(keys, '', undefined, reverse)
      const seen: string[] = []
      for (let i = 0; i < steps; i++) seen.push(cursor.next()!)
      for (const number of added) {
        keys.add(name(number))
        // Now and then, so that places are both kept and lost.
        const key = number % 7 === 0 ? cursor.next() : undefined
        if (key !== undefined) seen.push(key)
      }
      for (let key = cursor.next(); key !== undefined; key = cursor.next()) seen.push(key)
      const met = new Set(seen)
      expect(met.size).toBe(seen.length)
      expect(seen).toEqual([...seen].sort((a, b) => (a < b === reverse ? 1 : -1)))
      expect(old.filter((key) => !met.has(key))).toEqual([])
    }),
    { numRuns: 200 },
  )
})
