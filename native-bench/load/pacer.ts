import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** For the thread that keeps the time. */
export interface PacerTask {
  /** Milliseconds since the epoch. */
  readonly firstAt: number
  readonly everyMs: number
  readonly stop: SharedArrayBuffer
}

/** Time for the thread to start. */
const LEAD_MS = 100

/**
 * Calls at regular moments. The timers of this thread come a whole millisecond late and with its load; a thread that
 * sleeps between its calls comes by some 0.05 ms.
 */
export class Pacer {
  readonly #onTick: () => void
  readonly #stop = new SharedArrayBuffer(4)
  #thread: Worker | undefined
  #exited: Promise<unknown> | undefined

  constructor(onTick: () => void) {
    this.#onTick = onTick
  }

  /** When the first call is due, by `performance.now()`. */
  start(everyMs: number): number {
    const first = performance.now() + LEAD_MS
    const workerData: PacerTask = { firstAt: performance.timeOrigin + first, everyMs, stop: this.#stop }
    this.#thread = new Worker(new URL('./pacer-thread.js', import.meta.url), { workerData })
    this.#thread.on('message', this.#onTick)
    this.#exited = once(this.#thread, 'exit')
    return first
  }

  async stop(): Promise<void> {
    const stop = new Int32Array(this.#stop)
    Atomics.store(stop, 0, 1)
    Atomics.notify(stop, 0)
    await this.#exited
  }
}
