import type { GroupIndex, Millis } from '../base/numbers.js'
import { MAX_PART_BYTES } from '../codec/limits.js'
import type { GroupTuning } from '../core/config.js'
import type { Tally } from '../ring/tally.js'

type Rate = Pick<GroupTuning, 'fetchBytesPerSecond' | 'fetchWindow' | 'fetchHoldMs'>

/** Of the time for which peers keep the log behind a checkpoint for one that they do not hear of. */
const LOAD_SHARE = 1 / 2
const WINDOW_SHARE = 1 / 4

/**
 * The groups of this thread that take or load a checkpoint. All of the node's share what it may spend on that, as long as
 * none of them gets so slow that its peers give up the log that it needs next.
 */
export class CatchUps {
  readonly #tally: Tally
  readonly #worker: number
  readonly #rate: Rate
  readonly #maxSharers: number
  readonly #groups = new Set<GroupIndex>()

  constructor(tally: Tally, worker: number, rate: Rate) {
    this.#tally = tally
    this.#worker = worker
    this.#rate = rate
    const windowMs = (rate.fetchWindow * MAX_PART_BYTES * 1000) / rate.fetchBytesPerSecond
    this.#maxSharers = Math.max(1, Math.floor((rate.fetchHoldMs * WINDOW_SHARE) / windowMs))
    // A life before this one may have ended in the middle of some.
    tally.set(worker, 0)
  }

  note(group: GroupIndex, isBusy: boolean): void {
    if (isBusy === this.#groups.has(group)) return
    if (isBusy) this.#groups.add(group)
    else this.#groups.delete(group)
    this.#tally.set(this.#worker, this.#groups.size)
  }

  /** In the whole node; at least 1, and no more than leave each of them fast enough. */
  get sharers(): number {
    return Math.min(Math.max(1, this.#tally.total), this.#maxSharers)
  }

  /** The time that `bytes` of a checkpoint of so many blocks take to load. */
  loadMs(bytes: number, blocks: number): Millis {
    const { fetchBytesPerSecond, fetchHoldMs } = this.#rate
    const share = (bytes * 1000 * this.sharers) / fetchBytesPerSecond
    // A slice is about a block.
    return Math.min(share, (fetchHoldMs * LOAD_SHARE) / Math.max(1, blocks))
  }
}
