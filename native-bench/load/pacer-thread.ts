// Keeps the time of an open loop.
import { parentPort, workerData } from 'node:worker_threads'
import type { PacerTask } from './pacer.js'

const { firstAt, everyMs, stop } = workerData as PacerTask
const stopped = new Int32Array(stop)
const now = () => performance.timeOrigin + performance.now()

for (let tick = 0; ; ) {
  const left = firstAt + tick * everyMs - now()
  if (left > 0 && Atomics.wait(stopped, 0, 0, left) !== 'timed-out') break
  if (Atomics.load(stopped, 0) !== 0) break
  parentPort!.postMessage(0)
  // A tick that comes late stands for those that it has missed.
  tick = Math.max(tick + 1, Math.floor((now() - firstAt) / everyMs))
}
