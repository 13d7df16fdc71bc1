import { describe, expect, test } from '@jest/globals'
import { historyBytes, ownHistory, PositionHistory } from '../../src/ring/position-history.js'

describe('a history of positions', () => {
  test('says when a position was reached or passed', () => {
    const history = ownHistory(8)
    expect(history.find(1)).toBeUndefined()
    history.note(3, 10)
    history.note(7, 20)
    expect([1, 3, 4, 7].map((position) => history.find(position)?.at)).toEqual([10, 10, 20, 20])
    expect(history.find(4)).toEqual({ position: 7, at: 20 })
    expect(history.find(8)).toBeUndefined()
  })

  test('only the first time at a position counts', () => {
    const history = ownHistory(8)
    history.note(5, 10)
    history.note(5, 11)
    history.note(4, 12)
    expect(history.find(5)?.at).toBe(10)
    history.note(6, 13)
    expect(history.find(6)?.at).toBe(13)
  })

  test('does not take the oldest note that is left for the first that passed a position', () => {
    const history = ownHistory(4)
    for (let position = 1; position <= 10; position++) history.note(position, position * 10)
    expect(history.find(10)?.at).toBe(100)
    // Of the four that are left the oldest may have had others before it that were beyond the position too.
    expect([6, 7].map((position) => history.find(position))).toEqual([undefined, undefined])
    // The next note takes the place of the oldest one: what is as old may be half written.
    expect(history.find(8)?.at).toBe(80)
  })

  test('another thread reads what has been written, each history in its own part of the memory', () => {
    const memory = new SharedArrayBuffer(2 * historyBytes(4))
    const writers = [new PositionHistory(memory, 0, 4), new PositionHistory(memory, historyBytes(4), 4)]
    writers[0]?.note(1, 11)
    writers[1]?.note(1, 12)
    const readers = [new PositionHistory(memory, 0, 4), new PositionHistory(memory, historyBytes(4), 4)]
    expect(readers.map((reader) => reader.find(1)?.at)).toEqual([11, 12])
  })
})
