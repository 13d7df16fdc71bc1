import { describe, expect, test } from '@jest/globals'
import { allocateDoorbell, Doorbell } from '../../src/ring/doorbell.js'
import { allocateDueBits, DueBits } from '../../src/ring/due-bits.js'

function taken(bits: DueBits): number[] {
  const seen: number[] = []
  expect(bits.take((index) => seen.push(index))).toBe(seen.length)
  return seen
}

describe('due bits', () => {
  test('every bit arrives once, in order', () => {
    const bits = new DueBits(allocateDueBits(70))
    for (let i = 69; i >= 0; i--) expect(bits.set(i)).toBe(true)
    expect(bits.isEmpty()).toBe(false)
    expect(taken(bits)).toEqual(Array.from({ length: 70 }, (_, i) => i))
    expect(bits.isEmpty()).toBe(true)
    expect(taken(bits)).toEqual([])
    for (const single of [0, 31, 32, 63, 64]) {
      bits.set(single)
      expect(taken(bits)).toEqual([single])
    }
  })

  test('they do not pile up', () => {
    const bits = new DueBits(allocateDueBits(8))
    expect(bits.set(5)).toBe(true)
    expect(bits.set(5)).toBe(false)
    expect(taken(bits)).toEqual([5])
  })

  test('one set while they are taken is found the next time', () => {
    const bits = new DueBits(allocateDueBits(8))
    bits.set(1)
    bits.take((index) => bits.set(index))
    expect(taken(bits)).toEqual([1])
  })

  test('a visit that throws loses no other bit', () => {
    const bits = new DueBits(allocateDueBits(40))
    for (const index of [1, 2, 3, 35]) bits.set(index)
    expect(() =>
      bits.take((index) => {
        if (index === 2) throw new Error('planted')
      }),
    ).toThrow('planted')
    expect(taken(bits)).toEqual([3, 35])
  })

  test('setting one rings a parked worker, after the bit is set', () => {
    const memory = allocateDoorbell()
    const bits = new DueBits(allocateDueBits(8), new Doorbell(memory))
    const worker = new Doorbell(memory)
    expect(worker.park(10_000, () => bits.set(3))).toBe('woken')
    expect(worker.park(10_000, () => bits.isEmpty())).toBe('ready')
  })

  test('an index outside is refused', () => {
    const bits = new DueBits(allocateDueBits(8))
    expect(() => bits.set(-1)).toThrow(RangeError)
    expect(() => bits.set(32)).toThrow(RangeError)
    expect(() => allocateDueBits(0)).toThrow(RangeError)
  })
})
