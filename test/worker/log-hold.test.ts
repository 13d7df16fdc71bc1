import { expect, test } from '@jest/globals'
import { LogHold } from '../../src/worker/log-hold.js'

const NOBODY = Number.POSITIVE_INFINITY
const PLENTY = 1e12
/** A record costs 100 bytes beside its value. */
const RECORD = 200

/** One instance of 100 bytes each 10 ms, from 1 to `count`. */
function executed(hold: LogHold, count: number): number {
  for (let instance = 1; instance <= count; instance++) hold.executed(instance, 100, instance * 10)
  return count * 10
}

test('so many instances are kept behind the checkpoint, and never less than all after it', () => {
  const hold = new LogHold({ instances: 100, ms: 0, bytes: PLENTY }, 0)
  const now = executed(hold, 1000)
  expect(hold.firstKept(900, 1, NOBODY, now)).toBe(801)
  expect(hold.firstKept(900, 850, NOBODY, now)).toBe(850)
  expect(hold.firstKept(50, 1, NOBODY, now)).toBe(1)
  expect(new LogHold({ instances: 0, ms: 0, bytes: PLENTY }, 0).firstKept(900, 1, NOBODY, now)).toBe(901)
})

test('what was executed in so much time is kept where that is more', () => {
  const hold = new LogHold({ instances: 10, ms: 5_000, bytes: PLENTY }, 0)
  const now = executed(hold, 2000)
  const kept = hold.firstKept(1990, 1, NOBODY, now)
  // It remembers a place a second: 100 instances here.
  expect(kept).toBeGreaterThan(1400 - 1)
  expect(kept).toBeLessThanOrEqual(1500)
})

test('of what was executed before the start nobody knows when: it counts as new', () => {
  const hold = new LogHold({ instances: 10, ms: 5_000, bytes: PLENTY }, 5_000)
  hold.executed(5_001, 100, 1_000)
  expect(hold.firstKept(5_000, 3_000, NOBODY, 2_000)).toBe(3_000)
})

test('no more than so many bytes are kept, however many instances and however much time', () => {
  const hold = new LogHold({ instances: 1_000_000, ms: 1e9, bytes: 50 * RECORD }, 0)
  const now = executed(hold, 1000)
  const kept = hold.firstKept(900, 1, NOBODY, now)
  expect(kept).toBe(850)
})

test('what a peer still needs is kept, up to the bytes of the hold again', () => {
  const hold = new LogHold({ instances: 0, ms: 0, bytes: 400 * RECORD }, 0)
  const now = executed(hold, 1000)
  expect(hold.firstKept(900, 1, 700, now)).toBe(700)
  const bounded = hold.firstKept(900, 1, 2, now)
  expect(bounded).toBe(501)
})

test('old places are thinned out, and what it says stays about the same', () => {
  const hold = new LogHold({ instances: 0, ms: 1_000_000, bytes: PLENTY }, 0)
  for (let second = 1; second <= 5_000; second++) hold.executed(second * 10, 1000, second * 1000)
  const kept = hold.firstKept(50_000, 1, NOBODY, 5_000_000)
  expect(kept).toBeGreaterThan(39_000)
  expect(kept).toBeLessThanOrEqual(40_000)
})

test('a changed policy holds from then on', () => {
  const hold = new LogHold({ instances: 100, ms: 0, bytes: PLENTY }, 0)
  const now = executed(hold, 1000)
  hold.policy = { ...hold.policy, instances: 300 }
  expect(hold.firstKept(900, 1, NOBODY, now)).toBe(601)
})
