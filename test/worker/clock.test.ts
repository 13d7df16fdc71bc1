import { Worker } from 'node:worker_threads'
import { expect, test } from '@jest/globals'

const CLOCK = new URL('../../src/worker/clock.js', import.meta.url).href

/** What the clock of a new thread says first, whose task was made now. */
function firstNow(): Promise<number> {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(${JSON.stringify(CLOCK)}).then(({ monotonicClock }) => parentPort.postMessage(monotonicClock(workerData).now()))`
  const worker = new Worker(code, { eval: true, workerData: performance.now() })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

test('a later thread goes on after an earlier one: numbers made of the time are not used twice', async () => {
  const before = performance.now()
  const first = await firstNow()
  const second = await firstNow()
  expect(first).toBeGreaterThanOrEqual(before)
  expect(second).toBeGreaterThan(first)
  expect(performance.now()).toBeGreaterThanOrEqual(second)
})
