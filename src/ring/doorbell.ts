/**
 * Wakes one sleeping thread, by any number of threads, and costs a ringing thread one load while nobody sleeps.
 *
 * Two words: a sequence that every ring and wake increments, and `parked`: 0, or the sequence that its sleeper sleeps
 * on (shifted left, lowest bit set). Why no wake-up is lost:
 *
 *   sleeper:  store parked  -> load the positions (stillEmpty) -> wait while sequence === seen
 *   ringer:   store position -> load parked -> add to sequence -> notify -> compare-and-swap parked to 0
 *
 * All of these are sequentially consistent. If the ringer read `parked` as 0, its position was stored before the
 * sleeper announced itself, so the sleeper's re-check sees it. If it read it as set, the sequence moves on, and a wait
 * on the old one ends or never begins. `parked` is cleared last and by generation: a ringer that dies half way
 * (a terminated worker) leaves it set, so the next one rings; one that is merely slow cannot clear a later announcement
 * unless that sleeper has already been woken by the very increment.
 */

const SEQUENCE = 0
const PARKED = 1

export type ParkOutcome = 'ready' | 'woken' | 'timed-out'

type AsyncWait = { async: false; value: string } | { async: true; value: Promise<string> }
// lib.es2024 has the type, the compiler's target is es2023.
const waitAsync = (
  Atomics as unknown as { waitAsync(words: Int32Array, index: number, value: number): AsyncWait }
).waitAsync.bind(Atomics)

export interface DoorbellOptions {
  /** Upper bound of re-checks before a park goes to the kernel. 0, the default, spins never. */
  readonly maxSpins?: number
}

/** On lines of its own: the ringing side reads `parked` at every publish. */
export function allocateDoorbell(): SharedArrayBuffer {
  return new SharedArrayBuffer(128)
}

export class Doorbell {
  private readonly words: Int32Array
  private readonly maxSpins: number
  private spins: number
  // The last sequence that the sleeping side has acted on. A wake between two parks is seen by the second one.
  private seen: number
  private pending: Promise<void> | undefined

  constructor(memory: SharedArrayBuffer, byteOffset = 0, options: DoorbellOptions = {}) {
    this.words = new Int32Array(memory, byteOffset, 2)
    this.maxSpins = options.maxSpins ?? 0
    this.spins = this.maxSpins
    this.seen = Atomics.load(this.words, SEQUENCE)
  }

  /** Producer side: wakes the sleeper if there is one. Call it after what it should find has been stored. */
  ring(): boolean {
    const parked = Atomics.load(this.words, PARKED)
    if (parked === 0) return false
    Atomics.add(this.words, SEQUENCE, 1)
    Atomics.notify(this.words, SEQUENCE)
    Atomics.compareExchange(this.words, PARKED, parked, 0)
    return true
  }

  /** Ends the current park, or else the next one at once. Any thread. */
  wake(): void {
    Atomics.add(this.words, SEQUENCE, 1)
    Atomics.notify(this.words, SEQUENCE)
  }

  isParked(): boolean {
    return Atomics.load(this.words, PARKED) !== 0
  }

  /**
   * Sleeps until rung, woken or timed out; returns 'ready' without sleeping when there is work after all. A wake-up is
   * a hint: the caller looks at its rings again whatever the outcome. Worker threads only: it blocks.
   */
  park(timeoutMs: number, stillEmpty: () => boolean): ParkOutcome {
    if (this.maxSpins > 0 && this.spin(stillEmpty)) return 'ready'
    this.announce()
    // After the announcement, or a publish between the caller's last look and here would ring for nobody.
    if (!stillEmpty()) {
      this.withdraw()
      return 'ready'
    }
    const outcome = Atomics.wait(this.words, SEQUENCE, this.seen, timeoutMs)
    this.withdraw()
    this.seen = Atomics.load(this.words, SEQUENCE)
    return outcome === 'timed-out' ? 'timed-out' : 'woken'
  }

  /**
   * The same for the host, which must not block: undefined when there is work now, else a promise that resolves when
   * rung. While it is pending the same promise is returned. It does not keep a process alive by itself.
   */
  waitAsync(stillEmpty: () => boolean): Promise<void> | undefined {
    if (this.pending !== undefined) return this.pending
    this.announce()
    if (!stillEmpty()) {
      this.withdraw()
      return undefined
    }
    const wait = waitAsync(this.words, SEQUENCE, this.seen)
    if (!wait.async) {
      this.endAsync()
      return undefined
    }
    this.pending = wait.value.then(() => this.endAsync())
    return this.pending
  }

  /**
   * For a side that cannot sleep here and now but wants to be told: sets `parked`, nothing else. Look again at what you
   * wait for after this call.
   */
  announce(): void {
    Atomics.store(this.words, PARKED, (this.seen << 1) | 1)
  }

  withdraw(): void {
    Atomics.store(this.words, PARKED, 0)
  }

  private endAsync(): void {
    this.pending = undefined
    this.withdraw()
    this.seen = Atomics.load(this.words, SEQUENCE)
  }

  // The budget doubles when spinning found work and halves when it did not, down to a sixteenth: enough to notice
  // that traffic is back.
  private spin(stillEmpty: () => boolean): boolean {
    for (let i = 0; i < this.spins; i++) {
      if (!stillEmpty()) {
        this.spins = Math.min(this.maxSpins, this.spins * 2)
        return true
      }
    }
    this.spins = Math.max(1, this.maxSpins >> 4, this.spins >> 1)
    return false
  }
}
