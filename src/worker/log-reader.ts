import type { GroupIndex, Instance } from '../base/numbers.js'
import type { Value } from '../core/command-run.js'
import type { LogRecord } from '../core/durable.js'
import type { LogStore } from '../store/log-store.js'

const CHUNK_BYTES = 1024 * 1024
const CHUNK_INSTANCES = 4096

/** Chosen values for execution that are no longer in memory: read from the log a chunk at a time. */
export class LogReader {
  readonly #group: GroupIndex
  #chunk: LogRecord[] = []
  #next = 0

  constructor(group: GroupIndex) {
    this.#group = group
  }

  /** The chosen value of `instance`. Throws StoreError; undefined: the log does not hold it. */
  read(log: Pick<LogStore, 'read'>, instance: Instance, chosenUpTo: Instance): Value | undefined {
    let record = this.#chunk[this.#next]
    if (record?.instance !== instance) {
      const upTo = Math.min(chosenUpTo, instance + CHUNK_INSTANCES - 1)
      this.#chunk = log.read(this.#group, instance, upTo, CHUNK_BYTES)
      this.#next = 0
      record = this.#chunk[0]
      if (record?.instance !== instance) return undefined
    }
    this.#next++
    if (this.#next === this.#chunk.length) this.clear()
    return record.value
  }

  clear(): void {
    this.#chunk = []
    this.#next = 0
  }
}
