import type { Instance, Millis } from '../base/numbers.js'
import type { HoldPolicy } from '../codec/worker-task.js'

interface Mark {
  readonly at: Millis
  readonly instance: Instance
  /** Of all values executed since the start, up to and with this instance. */
  readonly bytes: number
}

/** Marks are this far apart at the least; when there are too many, every other one goes. */
const MARK_MS = 1000
const MAX_MARKS = 1024
/** A record costs this much beside its value. */
const RECORD_COST_BYTES = 100

/**
 * How far back the log is kept behind a checkpoint. It remembers when which instance was executed, and how many bytes
 * lay before it; of what was executed before the start it knows the mean size only, and takes it for new.
 */
export class LogHold {
  policy: HoldPolicy
  readonly #marks: Mark[] = []
  #bytes = 0
  #instances = 0
  readonly #start: Instance

  constructor(policy: HoldPolicy, executedUpTo: Instance) {
    this.policy = policy
    this.#start = executedUpTo
  }

  /** Of a record, its value and what it costs beside it. */
  get meanBytes(): number {
    return RECORD_COST_BYTES + (this.#instances === 0 ? 0 : this.#bytes / this.#instances)
  }

  /** `valueBytes` were executed since the last call, up to `executedUpTo`. */
  executed(executedUpTo: Instance, valueBytes: number, now: Millis): void {
    this.#instances += Math.max(0, executedUpTo - this.#last)
    this.#bytes += valueBytes
    const last = this.#marks.at(-1)
    if (last !== undefined && now - last.at < MARK_MS) return
    this.#marks.push({ at: now, instance: executedUpTo, bytes: this.#bytes })
    if (this.#marks.length > MAX_MARKS) this.#thin()
  }

  /**
   * The first instance to keep behind a checkpoint at `checkpoint`, at most the one after it. `firstKept`: what is kept
   * now; `needed`: what peers that catch up still read, honoured as long as it costs no more than the hold's bytes again.
   */
  firstKept(checkpoint: Instance, firstKept: Instance, needed: Instance, now: Millis): Instance {
    const { instances, ms, bytes } = this.policy
    const end = checkpoint + 1
    const byCount = end - instances
    const byTime = ms > 0 ? this.#at(now - ms, firstKept) : end
    const fewest = this.#spanning(checkpoint, bytes)
    const target = Math.min(end, Math.max(fewest, Math.min(byCount, byTime)))
    const bounded = Math.max(needed, this.#spanning(target, bytes))
    return Math.max(firstKept, Math.min(target, bounded))
  }

  get #last(): Instance {
    return this.#marks.at(-1)?.instance ?? this.#start
  }

  /** The instance that was executed at a time; `unknown` if that is longer ago than what is remembered. */
  #at(time: Millis, unknown: Instance): Instance {
    let instance = unknown
    for (const mark of this.#marks) {
      if (mark.at > time) break
      instance = mark.instance
    }
    return instance
  }

  /** The lowest instance from which on the records up to `upTo` have no more than `bytes`. */
  #spanning(upTo: Instance, bytes: number): Instance {
    return Math.ceil(this.#instanceAt(this.#costAt(upTo) - bytes))
  }

  /** What all records up to an instance take, from the start on (negative before it): between two marks in proportion. */
  #costAt(instance: Instance): number {
    const [a, b] = this.#around((mark) => mark.instance <= instance)
    if (b === undefined) return costOf(a) + (instance - a.instance) * this.meanBytes
    return costOf(a) + ((instance - a.instance) * (costOf(b) - costOf(a))) / (b.instance - a.instance)
  }

  #instanceAt(cost: number): number {
    const [a, b] = this.#around((mark) => costOf(mark) <= cost)
    if (b === undefined) return a.instance + (cost - costOf(a)) / this.meanBytes
    return a.instance + ((cost - costOf(a)) * (b.instance - a.instance)) / (costOf(b) - costOf(a))
  }

  /** The last mark that is before something, and the next one, if both are there; else the one at that end. */
  #around(isBefore: (mark: Mark) => boolean): [Mark, Mark | undefined] {
    const start: Mark = { at: 0, instance: this.#start, bytes: 0 }
    const place = this.#marks.findLastIndex(isBefore)
    if (place < 0) {
      const [first] = this.#marks
      return isBefore(start) && first !== undefined && first.instance > start.instance
        ? [start, first]
        : [start, undefined]
    }
    return [this.#marks[place] as Mark, this.#marks[place + 1]]
  }

  #thin(): void {
    const kept = this.#marks.filter((_, i) => i % 2 === 0 || i === this.#marks.length - 1)
    this.#marks.splice(0, this.#marks.length, ...kept)
  }
}

function costOf({ instance, bytes }: Mark): number {
  return bytes + instance * RECORD_COST_BYTES
}
