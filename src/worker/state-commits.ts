import type { Instance, Millis } from '../base/numbers.js'
import { encodeBuiltIn } from '../codec/built-in-state.js'
import type { StateWrite } from '../store/state-store.js'
import type { GroupHost } from './group-host.js'

/** When the state of one group is committed, and with which position: by changed bytes or by time, between two instances. */
export class StateCommits {
  readonly #host: GroupHost
  /** The state environment stands here. */
  #at: Instance = 0
  #dueAt: Millis = Number.POSITIVE_INFINITY

  constructor(host: GroupHost) {
    this.#host = host
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
    this.#dueAt = now + place.state.commitMs
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
    return now >= this.#dueAt || (execution?.machines.changedBytes ?? 0) >= place.state.commitBytes
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

  committed({ position }: StateWrite): void {
    this.#host.execution?.machines.committed()
    this.begin(position.executedUpTo)
  }
}
