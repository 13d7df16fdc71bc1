import type { Millis } from '../base/numbers.js'

/** What the heap needs of the world; tests bring their own. `wake` asks for one call of `fire` at or after `atMs`. */
export interface TimerClock {
  now(): Millis
  wake(atMs: Millis): void
}

/**
 * Deadlines of many timers by one OS timer: a binary heap of (deadline, slot, generation). Setting a slot again or
 * clearing it only moves its generation on; the old entry is dropped when it comes to the top, or when the heap is more
 * than half dead. A slot is a small integer that its user keeps.
 */
export class TimerHeap {
  readonly #clock: TimerClock
  #at: number[] = []
  #slots: number[] = []
  #generations: number[] = []
  readonly #generationOf: number[] = []
  readonly #armed: boolean[] = []
  readonly #visit: ((slot: number) => void)[] = []
  #live = 0
  #wakeAt = Number.POSITIVE_INFINITY

  constructor(clock: TimerClock) {
    this.#clock = clock
  }

  /** A new timer; `due` is called from `fire`, once for each `set`. */
  slot(due: (slot: number) => void): number {
    this.#generationOf.push(0)
    this.#armed.push(false)
    this.#visit.push(due)
    return this.#generationOf.length - 1
  }

  get live(): number {
    return this.#live
  }

  /** Entries held, the dead ones included. */
  get size(): number {
    return this.#at.length
  }

  set(slot: number, at: Millis): void {
    if (this.#armed[slot]) this.#generationOf[slot] = (this.#generationOf[slot] as number) + 1
    else {
      this.#armed[slot] = true
      this.#live++
    }
    this.#push(at, slot, this.#generationOf[slot] as number)
    if (this.#at.length > 64 && this.#at.length > this.#live * 2 + 32) this.#compact()
    this.#ask()
  }

  clear(slot: number): void {
    if (!this.#armed[slot]) return
    this.#armed[slot] = false
    this.#generationOf[slot] = (this.#generationOf[slot] as number) + 1
    this.#live--
  }

  isSet(slot: number): boolean {
    return this.#armed[slot] === true
  }

  /** Calls what is due, in the order of the deadlines, and asks for the next wake. Never early. */
  fire(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    while (this.#at.length > 0 && (this.#at[0] as number) <= now) {
      const slot = this.#slots[0] as number
      const current = this.#generations[0] === this.#generationOf[slot] && this.#armed[slot] === true
      this.#pop()
      if (!current) continue
      this.#armed[slot] = false
      this.#generationOf[slot] = (this.#generationOf[slot] as number) + 1
      this.#live--
      this.#visit[slot]?.(slot)
    }
    this.#ask()
  }

  #ask(): void {
    while (this.#at.length > 0 && !this.#isCurrent(0)) this.#pop()
    const earliest = this.#at[0]
    if (earliest === undefined || earliest >= this.#wakeAt) return
    this.#wakeAt = earliest
    this.#clock.wake(earliest)
  }

  #isCurrent(index: number): boolean {
    const slot = this.#slots[index] as number
    return this.#armed[slot] === true && this.#generations[index] === this.#generationOf[slot]
  }

  #compact(): void {
    const kept = this.#at.map((_, i) => i).filter((i) => this.#isCurrent(i))
    const rows = kept.map((i) => [this.#at[i], this.#slots[i], this.#generations[i]] as [number, number, number])
    this.#at = []
    this.#slots = []
    this.#generations = []
    for (const [at, slot, generation] of rows) this.#push(at, slot, generation)
  }

  #push(at: number, slot: number, generation: number): void {
    let i = this.#at.length
    this.#at.push(at)
    this.#slots.push(slot)
    this.#generations.push(generation)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if ((this.#at[parent] as number) <= at) break
      this.#swap(i, parent)
      i = parent
    }
  }

  #pop(): void {
    const last = this.#at.length - 1
    this.#swap(0, last)
    this.#at.pop()
    this.#slots.pop()
    this.#generations.pop()
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      if (left >= last) return
      const right = left + 1
      const least = right < last && (this.#at[right] as number) < (this.#at[left] as number) ? right : left
      if ((this.#at[i] as number) <= (this.#at[least] as number)) return
      this.#swap(i, least)
      i = least
    }
  }

  #swap(a: number, b: number): void {
    for (const column of [this.#at, this.#slots, this.#generations]) {
      const kept = column[a] as number
      column[a] = column[b] as number
      column[b] = kept
    }
  }
}
