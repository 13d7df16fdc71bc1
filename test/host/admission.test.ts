import { describe, expect, test } from '@jest/globals'
import { Admission } from '../../src/host/admission.js'

const bounds = { maxWaiting: 100, maxWaitingBytes: 10_000, maxWaitMs: 1_000 }

describe('admission', () => {
  test('the bound on the count', () => {
    const admission = new Admission(bounds)
    for (let i = 0; i < 100; i++) {
      expect(admission.refusal(1, 10, 0, 0)).toBe(0)
      admission.enter(1, 10, 0)
    }
    expect(admission.refusal(1, 10, 0, 0)).toBeGreaterThan(0)
    admission.leave(1, 10, true, 1)
    expect(admission.refusal(1, 10, 1, 0)).toBe(0)
    expect(admission.refused).toBe(1)
  })

  test('the bound on the bytes holds for a single command too', () => {
    const admission = new Admission(bounds)
    expect(admission.refusal(1, 10_000, 0, 0)).toBe(0)
    expect(admission.refusal(1, 10_001, 0, 0)).toBeGreaterThan(0)
  })

  test('a call of many commands comes into an empty queue whatever its count', () => {
    const admission = new Admission(bounds)
    expect(admission.refusal(1_000, 10, 0, 0)).toBe(0)
    admission.enter(1_000, 10, 0)
    expect(admission.refusal(1, 1, 0, 0)).toBeGreaterThan(0)
  })

  // `perMs` commands end per millisecond while `waiting` are held.
  function busy(admission: Admission, waiting: number, perMs: number, fromMs: number, untilMs: number): void {
    while (admission.waiting < waiting) admission.enter(1, 1, fromMs)
    for (let now = fromMs; now < untilMs; now += 10) {
      for (let i = 0; i < perMs * 10; i++) {
        admission.leave(1, 1, true, now)
        admission.enter(1, 1, now)
      }
      admission.expectedWaitMs(now)
    }
  }

  test('the expected wait is what waits divided by the rate', () => {
    const admission = new Admission({ ...bounds, maxWaiting: 10_000 })
    busy(admission, 500, 2, 0, 2_000)
    const wait = admission.expectedWaitMs(2_000)
    expect(wait).toBeGreaterThan(200)
    expect(wait).toBeLessThan(320)
  })

  test('beyond the bound on waiting time a command is refused, with a hint, until the queue is shorter', () => {
    const admission = new Admission({ ...bounds, maxWaiting: 10_000 })
    busy(admission, 3_000, 1, 0, 3_000)
    const hint = admission.refusal(1, 1, 3_000, 0)
    expect(hint).toBeGreaterThan(500)
    expect(hint).toBeLessThanOrEqual(1_000)
    for (let i = 0; i < 2_500; i++) admission.leave(1, 1, true, 3_010)
    expect(admission.refusal(1, 1, 3_010, 2_900)).toBe(0)
  })

  test('a group that stood still while its leader changed refuses nobody', () => {
    const admission = new Admission({ ...bounds, maxWaitMs: 5_000 })
    for (let i = 0; i < 50; i++) admission.enter(1, 1, 0)
    admission.leave(1, 1, true, 700)
    expect(admission.refusal(1, 1, 701, 0)).toBe(0)
  })

  test('a group that is asked once an hour is not slow', () => {
    const admission = new Admission(bounds)
    const hour = 3_600_000
    for (let i = 0; i < 10; i++) {
      expect(admission.refusal(1, 1, i * hour, i * hour)).toBe(0)
      admission.enter(1, 1, i * hour)
      admission.leave(1, 1, true, i * hour + 2)
    }
  })

  test('what timed out says nothing about the rate', () => {
    const admission = new Admission(bounds)
    for (let i = 0; i < 50; i++) admission.enter(1, 1, 0)
    for (let i = 0; i < 49; i++) admission.leave(1, 1, false, 500)
    expect(admission.expectedWaitMs(600)).toBe(0)
  })
})
