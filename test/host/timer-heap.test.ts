import { describe, expect, test } from '@jest/globals'
import { Random } from '../../src/base/random.js'
import { TimerHeap } from '../../src/host/timer-heap.js'

class HandClock {
  time = 0
  wakeAt = Number.POSITIVE_INFINITY
  wakes = 0
  readonly now = () => this.time
  wake(at: number): void {
    this.wakes++
    if (at < this.wakeAt) this.wakeAt = at
  }
}

function advance(clock: HandClock, heap: TimerHeap, to: number): void {
  while (clock.wakeAt <= to) {
    clock.time = clock.wakeAt
    clock.wakeAt = Number.POSITIVE_INFINITY
    heap.fire()
  }
  clock.time = to
}

describe('the timer heap', () => {
  test('fires once, in the order of the deadlines, never early', () => {
    const clock = new HandClock()
    const heap = new TimerHeap(clock)
    const fired: [number, number][] = []
    const slots = [0, 1, 2, 3].map(() => heap.slot((slot) => fired.push([slot, clock.time])))
    heap.set(slots[0] as number, 30)
    heap.set(slots[1] as number, 10)
    heap.set(slots[2] as number, 20)
    advance(clock, heap, 9)
    expect(fired).toEqual([])
    advance(clock, heap, 100)
    expect(fired).toEqual([
      [1, 10],
      [2, 20],
      [0, 30],
    ])
    expect(heap.live).toBe(0)
  })

  test('setting again moves the deadline, clearing takes it away', () => {
    const clock = new HandClock()
    const heap = new TimerHeap(clock)
    const fired: number[] = []
    const a = heap.slot(() => fired.push(clock.time))
    const b = heap.slot(() => fired.push(-1))
    heap.set(a, 10)
    heap.set(a, 50)
    heap.set(b, 5)
    heap.clear(b)
    advance(clock, heap, 40)
    expect(fired).toEqual([])
    heap.set(a, 45)
    advance(clock, heap, 100)
    expect(fired).toEqual([45])
  })

  test('one that is set again while it fires fires again', () => {
    const clock = new HandClock()
    const heap = new TimerHeap(clock)
    let times = 0
    const slot = heap.slot(() => {
      if (++times < 3) heap.set(slot, clock.time + 10)
    })
    heap.set(slot, 10)
    advance(clock, heap, 1_000)
    expect(times).toBe(3)
  })

  test('wakes are asked for only when the earliest deadline comes nearer', () => {
    const clock = new HandClock()
    const heap = new TimerHeap(clock)
    const slots = Array.from({ length: 100 }, () => heap.slot(() => undefined))
    for (const [i, slot] of slots.entries()) heap.set(slot, 1_000 + i)
    expect(clock.wakes).toBe(1)
  })

  test('a million re-arms hold no memory but that of the live ones', () => {
    const clock = new HandClock()
    const heap = new TimerHeap(clock)
    const slots = Array.from({ length: 10 }, () => heap.slot(() => undefined))
    for (let i = 0; i < 1_000_000; i++) heap.set(slots[i % 10] as number, 1_000 + i)
    expect(heap.size).toBeLessThan(200)
  })

  test('agrees with a list that is searched', () => {
    const random = new Random(7)
    const clock = new HandClock()
    const heap = new TimerHeap(clock)
    const model = new Map<number, number>()
    const late: string[] = []
    const slots = Array.from({ length: 30 }, () =>
      heap.slot((slot) => {
        const at = model.get(slot)
        if (at === undefined || at > clock.time) late.push(`slot ${slot} fired at ${clock.time}, wanted ${at}`)
        model.delete(slot)
      }),
    )
    for (let i = 0; i < 20_000; i++) {
      const slot = slots[random.below(30)] as number
      if (random.chance(0.2)) {
        heap.clear(slot)
        model.delete(slot)
      } else {
        const at = clock.time + random.below(50)
        heap.set(slot, at)
        model.set(slot, at)
      }
      if (random.chance(0.3)) advance(clock, heap, clock.time + random.below(20))
      for (const [missed, at] of model) if (at < clock.time) late.push(`slot ${missed} missed ${at}`)
      expect(late).toEqual([])
      expect(heap.live).toBe(model.size)
    }
  })
})
