import { setTimeout as sleep } from 'node:timers/promises'
import { Latencies } from '../load/latencies.js'
import type { KvStore } from './kv-stores.js'
import { keyText, type Truth } from './records.js'
import { type Chooser, OPERATIONS, type Operation } from './workloads.js'

export interface OperationFigures {
  readonly operation: Operation
  readonly perSecond: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const PAUSE_MS = 10

/** Callers in a closed loop, each with a store and the number of a writer of its own. */
export class YcsbLoad {
  readonly errorsByCode = new Map<string, number>()
  /** Writes that were acknowledged, and those of which it is not known whether they took effect. */
  acknowledged = 0
  unknown = 0
  readonly #stores: readonly KvStore[]
  readonly #truth: Truth
  readonly #mustBeNewest: boolean
  readonly #latencies = new Map<Operation, Latencies>()
  #began = 0
  #seconds = 0
  #counting = false
  #stopping = false

  /** `mustBeNewest`: reads are linearizable, and checked for it. */
  constructor(stores: readonly KvStore[], truth: Truth, mustBeNewest: boolean) {
    this.#stores = stores
    this.#truth = truth
    this.#mustBeNewest = mustBeNewest
  }

  /** Writes keys 0 to `records`-1, once each. Rejects when one cannot be written. */
  async fill(records: number): Promise<void> {
    let next = 0
    const each = async (writer: number) => {
      while (next < records) await this.#write(writer, next++)
    }
    await Promise.all(this.#stores.map((_, writer) => each(writer)))
  }

  /** All of it: a warm-up, the measurement, and the end of every call. */
  async run(chooser: Chooser, seconds: number, warmUp: number, signal: AbortSignal): Promise<void> {
    const callers = this.#stores.map((_, caller) => this.#call(caller, chooser))
    try {
      await sleep(warmUp * 1000, undefined, { signal })
      this.#counting = true
      this.#began = performance.now()
      await sleep(seconds * 1000, undefined, { signal })
      this.#seconds = (performance.now() - this.#began) / 1000
      this.#counting = false
    } finally {
      this.#stopping = true
      await Promise.all(callers)
    }
  }

  figures(): OperationFigures[] {
    return OPERATIONS.flatMap((operation) => {
      const latency = this.#latencies.get(operation)
      if (latency === undefined) return []
      const perSecond = latency.count / this.#seconds
      const [p50Ms, p90Ms, p99Ms] = [50, 90, 99].map((percent) => latency.percentileMs(percent)) as [
        number,
        number,
        number,
      ]
      return [{ operation, perSecond, p50Ms, p90Ms, p99Ms, maxMs: latency.maxMs }]
    })
  }

  async #call(caller: number, chooser: Chooser): Promise<void> {
    while (!this.#stopping) {
      const operation = chooser.operation()
      const began = performance.now()
      try {
        await this.#execute(operation, caller, chooser)
        if (this.#counting) this.#latencyOf(operation).recordMs(performance.now() - began)
      } catch (error) {
        const { code = String(error) } = error as { code?: string }
        this.errorsByCode.set(code, (this.errorsByCode.get(code) ?? 0) + 1)
        await sleep(PAUSE_MS)
      }
    }
  }

  async #execute(operation: Operation, caller: number, chooser: Chooser): Promise<void> {
    if (operation === 'insert') {
      const key = chooser.keyToInsert()
      await this.#write(caller, key)
      chooser.inserted(key)
      return
    }
    const key = chooser.key()
    if (operation !== 'update') await this.#read(caller, key)
    if (operation !== 'read') await this.#write(caller, key)
  }

  async #read(caller: number, key: number): Promise<void> {
    const lowest = this.#mustBeNewest ? this.#truth.lowest(key) : 0
    this.#truth.check(key, await this.#stores[caller]!.read(keyText(key)), lowest)
  }

  async #write(writer: number, key: number): Promise<void> {
    try {
      const version = await this.#stores[writer]!.put(keyText(key), this.#truth.nextValue(key, writer))
      this.acknowledged++
      this.#truth.acknowledge(key, version)
    } catch (error) {
      if ((error as { outcome?: string }).outcome !== 'not-applied') this.unknown++
      throw error
    }
  }

  #latencyOf(operation: Operation): Latencies {
    let latency = this.#latencies.get(operation)
    if (latency === undefined) {
      latency = new Latencies()
      this.#latencies.set(operation, latency)
    }
    return latency
  }
}
