import { Worker } from 'node:worker_threads'
import { expect, test } from '@jest/globals'
import { monotonicClock } from '../../src/worker/clock.js'

const CLOCK = new URL('../../src/worker/clock.js', import.meta.url).href

function nowInNewThread(): Promise<number> {
  const code = `
    import(${JSON.stringify(CLOCK)}).then(({ monotonicClock }) =>
      require('node:worker_threads').parentPort.postMessage(monotonicClock(0).now()))`
  const worker = new Worker(code, { eval: true })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

test('a later thread goes on where an earlier one was: numbers made of it are not used twice', async () => {
  const first = await nowInNewThread()
  const second = await nowInNewThread()
  expect(second).toBeGreaterThan(first)
  expect(monotonicClock(0).now()).toBeGreaterThan(second)
})

test('a deadline of the host keeps its distance', () => {
  const hostNow = 1_000
  const clock = monotonicClock(hostNow)
  expect(clock.fromHost(hostNow + 500) - clock.now()).toBeLessThanOrEqual(500)
  expect(clock.fromHost(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY)
})
