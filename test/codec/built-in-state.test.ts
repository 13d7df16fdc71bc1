import { expect, test } from '@jest/globals'
import { decodeBuiltIn, encodeBuiltIn } from '../../src/codec/built-in-state.js'

const state = {
  sessions: [{ origin: 2, incarnation: '0123456789abcdef', opened: 7, last: 9, floor: 3, done: [3, 5] }],
  externals: [
    { machine: 4, instance: 0, index: -1 },
    { machine: 9, instance: 8, index: 2 },
  ],
}

test('built-in state comes back as it was', () => {
  expect(decodeBuiltIn(encodeBuiltIn(state))).toEqual(state)
  const empty = { sessions: [], externals: [] }
  expect(decodeBuiltIn(encodeBuiltIn(empty))).toEqual(empty)
})

test('whatever is cut, too long, or out of order is refused', () => {
  const bytes = encodeBuiltIn(state)
  for (let length = 0; length < bytes.length; length++)
    expect(() => decodeBuiltIn(bytes.subarray(0, length))).toThrow(/cut/)
  expect(() => decodeBuiltIn(new Uint8Array([...bytes, 0]))).toThrow(/too long/)
  const twisted = encodeBuiltIn({ ...state, externals: [...state.externals].reverse() })
  expect(() => decodeBuiltIn(twisted)).toThrow(/order/)
})
