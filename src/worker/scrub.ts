import type { Instance, Millis } from '../base/numbers.js'
import type { ScrubCursor } from '../store/state-store.js'
import { isStoreError } from '../store/store-error.js'
import type { GroupHost } from './group-host.js'

/** Between two slices: short, because the group's votes wait while a slice is read, about 4 ms for each 256 KiB. */
const SLICE_MS = 50

/**
 * Reads what nobody reads, slowly: first the log, then the state, and after a rest from the beginning. A damaged record
 * is learned again while peers still have it; a damaged state is built anew before somebody needs it.
 */
export class Scrub {
  readonly #host: GroupHost
  #dueAt: Millis = Number.POSITIVE_INFINITY
  /** The next record to read; 0: the log is done in this pass. */
  #record: Instance = 0
  #cursor: ScrubCursor | undefined

  constructor(host: GroupHost) {
    this.#host = host
  }

  get dueAt(): Millis {
    return this.#dueAt
  }

  /** The group was built: what is there was read by nobody. */
  begin(now: Millis): void {
    this.#startPass(now + SLICE_MS)
  }

  /** One slice, if it is time. */
  step(now: Millis): void {
    const { core, place } = this.#host
    if (now < this.#dueAt || core === undefined) return
    const { bytesPerSecond, everyMs } = place.scrub
    const bytes = (bytesPerSecond * SLICE_MS) / 1000
    this.#dueAt = now + SLICE_MS
    if (this.#record > 0) this.#readLog(bytes, now)
    else if (!this.#readState(bytes, now)) this.#startPass(now + everyMs)
    place.wakeUp.by(this.#dueAt)
  }

  #startPass(at: Millis): void {
    this.#dueAt = this.#host.place.scrub.bytesPerSecond > 0 ? at : Number.POSITIVE_INFINITY
    this.#record = 1
    this.#cursor = undefined
    this.#host.place.wakeUp.by(this.#dueAt)
  }

  #readLog(bytes: number, now: Millis): void {
    const { core, store, group } = this.#host
    if (core === undefined) return
    const from = Math.max(this.#record, core.firstKept)
    const upTo = core.durableChosenUpTo
    if (from > upTo) {
      this.#record = 0
      return
    }
    const records = store.read(group, from, upTo, bytes, now)
    this.#record = from + Math.max(1, records.length)
    if (records.length === 0 && this.#host.core !== undefined) this.#host.unreadable(from, now)
  }

  /** False: there is no more of it. */
  #readState(bytes: number, now: Millis): boolean {
    const { store, group } = this.#host
    try {
      this.#cursor = store.state?.scrub(group, this.#cursor, bytes)
    } catch (error) {
      if (isStoreError(error) && error.code === 'STATE_DAMAGED') this.#host.stateDamaged(error, now)
      else store.fail(error, now)
      return true
    }
    return this.#cursor !== undefined
  }
}
