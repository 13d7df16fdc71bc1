import { Calls } from './load/calls.js'
import { ClosedLoop } from './load/closed-loop.js'
import type { Encoding } from './load/commands.js'
import { LoadCounts, type LoadResult, type LoadSample } from './load/load-counts.js'
import type { LoadTarget } from './load/load-target.js'
import { OpenLoop } from './load/open-loop.js'

export interface LoadOptions {
  readonly callers: number
  readonly bytes: number
  /** Commands a second of an open loop; undefined: a closed loop. */
  readonly rate?: number | undefined
  /** Of an open loop: commands without an answer, above which those that are due are missed. */
  readonly outstanding?: number | undefined
  readonly many?: number
  readonly reads?: number
  readonly encoding?: Encoding
  /** The first name of its callers: loads that run at one time need different ones. */
  readonly firstCaller?: number
}

/** A load in this process or in another one. `begin` starts a measurement: what was counted up to then is forgotten. */
export interface LoadEnd {
  start(): void | Promise<void>
  begin(): void | Promise<void>
  sample(): LoadSample | Promise<LoadSample>
  /** Resolves when every call has had its answer. */
  finish(): Promise<LoadResult>
}

/** Calls on one node, by callers in a closed loop or at fixed moments in an open one. */
export class Load implements LoadEnd {
  readonly #counts: LoadCounts
  readonly #loop: ClosedLoop | OpenLoop
  #stopped: Promise<void> | undefined

  constructor(target: LoadTarget, options: LoadOptions) {
    const { bytes, callers, rate, outstanding = 50_000, firstCaller = 0 } = options
    const { many = 1, reads = 0, encoding = 'bytes' } = options
    const calls = new Calls(target, { bytes, many, reads, encoding })
    this.#counts = new LoadCounts(target.groups)
    this.#loop =
      rate === undefined
        ? new ClosedLoop(
            calls,
            this.#counts,
            Array.from({ length: callers }, (_, i) => firstCaller + i),
          )
        : new OpenLoop(calls, this.#counts, { rate, outstanding }, firstCaller)
  }

  get acknowledged(): number {
    return this.#counts.acknowledged
  }

  get unknown(): number {
    return this.#counts.unknown
  }

  start(): void {
    this.#loop.start()
  }

  begin(): void {
    this.#counts.begin()
  }

  sample(): LoadSample {
    return this.#counts.sample()
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#loop.stop()
    return this.#stopped
  }

  async finish(): Promise<LoadResult> {
    await this.stop()
    return this.#counts.result()
  }
}
