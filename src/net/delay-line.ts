import { Queue } from '../base/queue.js'

/** Holds each frame back for a fixed time, in order: a distant peer on one machine, for benchmarks. */
export class DelayLine {
  readonly #delayMs: number
  readonly #deliver: (frame: Uint8Array) => void
  readonly #held = new Queue<{ frame: Uint8Array; timer: NodeJS.Timeout }>()
  #bytes = 0

  constructor(delayMs: number, deliver: (frame: Uint8Array) => void) {
    this.#delayMs = delayMs
    this.#deliver = deliver
  }

  get bytes(): number {
    return this.#bytes
  }

  push(frame: Uint8Array): void {
    this.#bytes += frame.byteLength
    // Whichever timer fires, the oldest frame leaves: the order does not rest on the order of timers.
    this.#held.push({ frame, timer: setTimeout(() => this.#release(), this.#delayMs) })
  }

  /** Delivers all at once: before an orderly close. */
  flush(): void {
    for (let held = this.#held.peek(); held; held = this.#held.peek()) {
      clearTimeout(held.timer)
      this.#release()
    }
  }

  clear(): void {
    for (let held = this.#held.shift(); held; held = this.#held.shift()) clearTimeout(held.timer)
    this.#bytes = 0
  }

  #release(): void {
    const held = this.#held.shift()
    if (!held) return
    this.#bytes -= held.frame.byteLength
    this.#deliver(held.frame)
  }
}
