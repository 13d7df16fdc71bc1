import { crc32 } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import { type Entry, KeyTruth } from './key-truth.js'

const entry = (key: string, version: number, value: string): Entry => [key, version, crc32(value)]

/** a: 1 at 10, 2 at 30, gone at 50. b: 1 at 20. c: 1 at 40. */
function truth(): KeyTruth {
  const known = new KeyTruth(1)
  known.wrote('a', 10, 1, 'one')
  known.wrote('b', 20, 1, 'b')
  known.wrote('a', 30, 2, 'two')
  known.wrote('c', 40, 1, 'c')
  known.wrote('a', 50, 2, undefined)
  return known
}

describe('what a group holds now', () => {
  test('is right', () => {
    expect(truth().differences(0, [entry('b', 1, 'b'), entry('c', 1, 'c')])).toEqual([])
  })

  test.each([
    ['a key is missing', [entry('b', 1, 'b')], 'c: absent'],
    ['a key is there that was removed', [entry('a', 2, 'two'), entry('b', 1, 'b'), entry('c', 1, 'c')], 'a: version 2'],
    ['a key is there that never was', [entry('b', 1, 'b'), entry('c', 1, 'c'), entry('d', 1, 'd')], 'd: version 1'],
    ['a value is another', [entry('b', 1, 'B'), entry('c', 1, 'c')], 'b: version 1'],
    ['a version is another', [entry('b', 2, 'b'), entry('c', 1, 'c')], 'b: version 2'],
  ])('is wrong where %s', (_, scan, text) => {
    expect(truth().differences(0, scan)).toEqual([expect.stringContaining(text)])
  })

  test('a key whose write ended without an answer may be anything', () => {
    const known = truth()
    known.forget('b')
    expect(known.differences(0, [entry('c', 1, 'c')])).toEqual([])
    expect(known.differences(0, [entry('b', 9, 'x'), entry('c', 1, 'c')])).toEqual([])
  })
})

describe('what a group held at any one time', () => {
  test.each([
    ['nothing', []],
    ['the first write', [entry('a', 1, 'one')]],
    ['before the second write of a key', [entry('a', 1, 'one'), entry('b', 1, 'b')]],
    ['after it', [entry('a', 2, 'two'), entry('b', 1, 'b')]],
    ['before a key was removed', [entry('a', 2, 'two'), entry('b', 1, 'b'), entry('c', 1, 'c')]],
    ['now', [entry('b', 1, 'b'), entry('c', 1, 'c')]],
  ])('%s', (_, scan) => {
    expect(truth().flawsAsOfAnyTime(0, scan)).toEqual([])
  })

  test.each([
    ['an old value beside a newer one', [entry('a', 1, 'one'), entry('b', 1, 'b'), entry('c', 1, 'c')]],
    ['a key missing that was there', [entry('a', 2, 'two'), entry('c', 1, 'c')]],
    ['a value that never was', [entry('a', 1, 'two'), entry('b', 1, 'b')]],
    ['a key that never was', [entry('d', 1, 'd')]],
  ])('never %s', (_, scan) => {
    expect(truth().flawsAsOfAnyTime(0, scan)).not.toEqual([])
  })
})
