import { describe, expect, test } from '@jest/globals'
import { allocateCounters, Counters } from '../../src/ring/counters.js'

describe('counters', () => {
  test('what one side writes the other reads by name', () => {
    const names = ['rounds', 'bytes'] as const
    const memory = allocateCounters(names)
    const writer = new Counters(memory, names)
    const reader = new Counters(memory, names)
    writer.add(writer.cell.rounds)
    writer.add(writer.cell.rounds)
    writer.add(writer.cell.bytes, 2 ** 40)
    expect(reader.read(reader.cell.rounds)).toBe(2)
    expect(reader.readAll()).toEqual({ rounds: 2, bytes: 2 ** 40 })
    writer.set(writer.cell.bytes, 0.5)
    expect(reader.readAll()).toEqual({ rounds: 2, bytes: 0.5 })
  })

  test('names are unique', () => {
    expect(() => allocateCounters(['a', 'b', 'a'])).toThrow(/same name/)
  })
})
