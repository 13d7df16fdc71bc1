import type { GroupIndex, Millis } from '../base/numbers.js'
import type { Tally } from '../ring/tally.js'

/** The groups of this thread that take or load a checkpoint. All of the node's share what it may spend on that. */
export class CatchUps {
  readonly #tally: Tally
  readonly #worker: number
  readonly #bytesPerSecond: number
  readonly #groups = new Set<GroupIndex>()

  constructor(tally: Tally, worker: number, bytesPerSecond: number) {
    this.#tally = tally
    this.#worker = worker
    this.#bytesPerSecond = bytesPerSecond
    // A life before this one may have ended in the middle of some.
    tally.set(worker, 0)
  }

  note(group: GroupIndex, isBusy: boolean): void {
    if (isBusy === this.#groups.has(group)) return
    if (isBusy) this.#groups.add(group)
    else this.#groups.delete(group)
    this.#tally.set(this.#worker, this.#groups.size)
  }

  /** In the whole node; at least 1. */
  get sharers(): number {
    return Math.max(1, this.#tally.total)
  }

  /** How long one of them takes for so many bytes. */
  costMs(bytes: number): Millis {
    return (bytes * 1000 * this.sharers) / this.#bytesPerSecond
  }
}
