import { expect, test } from '@jest/globals'
import { WORKER_COUNTERS, WORKER_TIMES } from '../../src/codec/worker-counters.js'
import { allocateCounters, Counters } from '../../src/ring/counters.js'
import { WorkerMeter } from '../../src/worker/worker-meter.js'

test('laps share out all the time there is, each moment once', () => {
  let now = 1_000
  const counters = new Counters(allocateCounters(WORKER_COUNTERS), WORKER_COUNTERS)
  const meter = new WorkerMeter(counters, { now: () => now })
  const laps = [
    ['startMs', 50],
    ['controlMs', 1],
    ['commitMs', 4],
    ['parkedMs', 10],
    ['controlMs', 2],
    ['commitMs', 0],
  ] as const
  for (const [name, ms] of laps) {
    now += ms
    meter.lap(name)
  }
  const all = counters.readAll()
  expect([all.startMs, all.controlMs, all.commitMs, all.parkedMs]).toEqual([50, 3, 4, 10])
  expect(WORKER_TIMES.reduce((sum, name) => sum + all[name], 0)).toBe(now - 1_000)
})
