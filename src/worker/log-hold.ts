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
  #start: Instance

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
    const costOf = (from: Mark, to: Mark) => to.bytes - from.bytes + (to.instance - from.instance) * RECORD_COST_BYTES
    const end = this.#marks.findLast((mark) => mark.instance <= upTo)
    if (end === undefined) return Math.ceil(upTo - bytes / this.meanBytes)
    let first = end
    for (let i = this.#marks.indexOf(end); i >= 0; i--) {
      const mark = this.#marks[i] as Mark
      if (costOf(mark, end) > bytes) return first.instance
      first = mark
    }
    return Math.ceil(first.instance - (bytes - costOf(first, end)) / this.meanBytes)
  }

  #thin(): void {
    const kept = this.#marks.filter((_, i) => i % 2 === 0 || i === this.#marks.length - 1)
    this.#marks.splice(0, this.#marks.length, ...kept)
  }
}
