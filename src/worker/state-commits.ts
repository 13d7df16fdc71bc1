import type { Instance, Millis } from '../base/numbers.js'
import { Random } from '../base/random.js'
import { encodeBuiltIn } from '../codec/built-in-state.js'
import type { StateWrite } from '../store/state-store.js'
import type { GroupHost } from './group-host.js'

/**
 * A commit that would take longer is due: the group's thread does nothing else meanwhile, and its votes wait. But not so
 * soon after the last one that commits took more than this share of the time: on a busy disk small ones take long too.
 */
const LONG_COMMIT_MS = 40
const MAX_SHARE = 0.05
/** Less says nothing about what a byte takes: the flush outweighs it. */
const MEASURED_BYTES = 16 * 1024

/** When the state of one group is committed, and with which position: by changed bytes or by time, between two instances. */
export class StateCommits {
  readonly #host: GroupHost
  /** The state environment stands here. */
  #at: Instance = 0
  #dueAt: Millis = Number.POSITIVE_INFINITY
  /** What a changed byte takes, by the latest commits: scattered ones in a large state take a block each. */
  #msPerByte = 0
  /** When the last one ended, and what it took. */
  #last = { at: 0, tookMs: 0 }
  /** Groups that began together do not commit together for ever. */
  readonly #jitter: number

  constructor(host: GroupHost) {
    this.#host = host
    this.#jitter = new Random(host.seed).between(0.75, 1.25)
  }

  get at(): Instance {
    return this.#at
  }

  /** The group was built, or its state replaced. */
  begin(at: Instance): void {
    this.#at = at
    this.#dueAt = Number.POSITIVE_INFINITY
  }

  /** Something was executed. */
  executed(now: Millis): void {
    const { place, core } = this.#host
    if (!place.needsState || this.#dueAt !== Number.POSITIVE_INFINITY || (core?.executedUpTo ?? 0) <= this.#at) return
    this.#dueAt = now + place.state.commitMs * this.#jitter
    place.wakeUp.by(this.#dueAt)
  }

  /** After a wake-up that was somebody else's. */
  arm(): void {
    this.#host.place.wakeUp.by(this.#dueAt)
  }

  soon(now: Millis): void {
    this.#dueAt = now
    this.#host.place.wakeUp.by(now)
  }

  isDue(now: Millis): boolean {
    const { place, execution } = this.#host
    if (!this.canCommit) return false
    const changedBytes = execution?.machines.changedBytes ?? 0
    const mayAgain = now - this.#last.at >= this.#last.tookMs / MAX_SHARE
    if (mayAgain && changedBytes * this.#msPerByte >= LONG_COMMIT_MS) return true
    return now >= this.#dueAt || changedBytes >= place.state.commitBytes
  }

  /** There is something to commit, and no instance is half executed. */
  get canCommit(): boolean {
    const { place, phase, core, execution } = this.#host
    if (!place.needsState || phase !== 'running' || core === undefined || execution === undefined) return false
    return execution.isIdle && core.executedUpTo > this.#at
  }

  /**
   * What the state's next commit holds. Undefined: an external machine has not made durable what it executed, and the
   * position must not get ahead of it. Throws ExecuteFailure.
   */
  write(now: Millis): StateWrite | undefined {
    const { place, group, core, execution } = this.#host
    if (core === undefined || execution === undefined) return undefined
    const { machines, digest } = execution
    if (!machines.sync()) {
      this.#dueAt = now + place.state.commitMs
      this.arm()
      return undefined
    }
    const { executedUpTo, chain, sessions } = core.base()
    const externals = machines.externalIds.map((machine) => ({ machine, ...machines.positionOf(machine) }))
    const builtIn = encodeBuiltIn({ sessions, externals })
    return { group, position: { executedUpTo, chain, digest, builtIn }, changes: machines.changes() }
  }

  /** `tookMs` of a commit with so many changed bytes, of all groups in it. */
  committed({ position }: StateWrite, now: Millis, tookMs: Millis, changedBytes: number): void {
    this.#last = { at: now, tookMs }
    this.#host.execution?.machines.committed()
    if (changedBytes >= MEASURED_BYTES) this.#msPerByte += (tookMs / changedBytes - this.#msPerByte) / 4
    this.begin(position.executedUpTo)
  }
}
