import { performance } from 'node:perf_hooks'
import { Latencies } from './latencies.js'

/** What one call is. */
export const WRITE = 0
export const MANY = 1
export const READ = 2
export type CallKind = typeof WRITE | typeof MANY | typeof READ

/** What has ended since the last `begin`. */
export interface LoadSample {
  readonly commands: number
  readonly reads: number
  readonly errors: number
  /** Commands and reads of an open loop that were due while too many were outstanding: never sent. */
  readonly missed: number
  readonly seconds: number
  readonly p99Ms: number
}

/** All that a load has to say at its end; plain data, it crosses processes. */
export interface LoadResult {
  /** Since the start, the warm-up included: what the state machines must have counted at the least. */
  readonly acknowledged: number
  /** Commands that failed, but may have taken effect. */
  readonly unknown: number
  readonly errorsByCode: Readonly<Record<string, number>>
  /** Encoded histograms. */
  readonly latency: string
  readonly readLatency: string
  readonly late: string
  /** Of each group, the most commands that a read has seen executed; since the start. */
  readonly highestRead: readonly number[]
  /** Reads that did not see what had been acknowledged before they began, the first few. */
  readonly staleReads: readonly string[]
}

const TOLD_STALE_READS = 10

export class LoadCounts {
  /** From the call, or from when an open loop meant it to be, to the answer. */
  readonly latency = new Latencies()
  readonly readLatency = new Latencies()
  /** Of an open loop: by how much calls were sent after they were due. */
  readonly late = new Latencies()
  readonly errorsByCode = new Map<string, number>()
  readonly staleReads: string[] = []
  readonly #acknowledgedIn: number[]
  readonly #highestRead: number[]
  acknowledged = 0
  unknown = 0
  missed = 0
  #commands = 0
  #reads = 0
  #errors = 0
  #began = performance.now()

  constructor(groups: number) {
    this.#acknowledgedIn = new Array<number>(groups).fill(0)
    this.#highestRead = new Array<number>(groups).fill(0)
  }

  /** What was counted up to now is forgotten, but for what is checked at the end. */
  begin(): void {
    for (const latencies of [this.latency, this.readLatency, this.late]) latencies.reset()
    this.errorsByCode.clear()
    this.#commands = 0
    this.#reads = 0
    this.#errors = 0
    this.missed = 0
    this.#began = performance.now()
  }

  sample(): LoadSample {
    return {
      commands: this.#commands,
      reads: this.#reads,
      errors: this.#errors,
      missed: this.missed,
      seconds: (performance.now() - this.#began) / 1000,
      p99Ms: (this.#commands > 0 ? this.latency : this.readLatency).percentileMs(99),
    }
  }

  result(): LoadResult {
    return {
      acknowledged: this.acknowledged,
      unknown: this.unknown,
      errorsByCode: Object.fromEntries(this.errorsByCode),
      latency: this.latency.encode(),
      readLatency: this.readLatency.encode(),
      late: this.late.encode(),
      highestRead: this.#highestRead,
      staleReads: this.staleReads,
    }
  }

  /** Commands of a group that this load knows executed: what a read that begins now has to see. */
  acknowledgedIn(group: number): number {
    return this.#acknowledgedIn[group]!
  }

  /** A call has its answer. `known`: what was acknowledged in the group when it was sent. */
  ended(kind: CallKind, group: number, value: unknown, since: number, known: number): void {
    const ms = performance.now() - since
    if (kind === READ) {
      this.#read(group, value as number, known)
      this.readLatency.recordMs(ms)
      return
    }
    const done = kind === MANY ? this.#settled(value as readonly { error?: unknown }[]) : 1
    if (done === 0) return
    this.acknowledged += done
    this.#acknowledgedIn[group]! += done
    this.#commands += done
    this.latency.recordMs(ms, done)
  }

  /** `commands` have failed with it; a read counts as none. */
  failed(error: unknown, commands: number): void {
    this.#errors += Math.max(1, commands)
    const { code, outcome } = error as { code?: unknown; outcome?: unknown }
    if (outcome !== 'not-applied') this.unknown += commands
    const name = typeof code === 'string' ? code : String(error)
    this.errorsByCode.set(name, (this.errorsByCode.get(name) ?? 0) + Math.max(1, commands))
  }

  #settled(ends: readonly { error?: unknown }[]): number {
    let done = 0
    for (const { error } of ends) {
      if (error === undefined) done++
      else this.failed(error, 1)
    }
    return done
  }

  #read(group: number, executed: number, known: number): void {
    this.#reads++
    if (executed > this.#highestRead[group]!) this.#highestRead[group] = executed
    // Written so that no number passes that is none.
    if (executed >= known || this.staleReads.length >= TOLD_STALE_READS) return
    this.staleReads.push(`group ${group}: a read saw ${executed} commands, ${known} were acknowledged before it`)
  }
}
