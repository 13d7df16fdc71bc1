import type { StateChange, StateReads } from '../../../src/state-machine/write-set.js'

type Entry = { readonly key: Uint8Array; readonly value: Uint8Array }

/** A committed state in memory: what a store is to write sets. */
export class MapReads implements StateReads {
  reads = 0
  /** The next reads throw it. */
  failure: Error | undefined
  readonly #machines = new Map<number, Map<string, Entry>>()

  get(machine: number, key: Uint8Array): Uint8Array | undefined {
    this.#read()
    return this.#entries(machine).get(nameOf(key))?.value
  }

  *range(machine: number, from: Uint8Array, end: Uint8Array | undefined, reverse: boolean): IterableIterator<Entry> {
    this.#read()
    const entries = [...this.#entries(machine).values()].sort((a, b) => Buffer.compare(a.key, b.key))
    const within = entries.filter(
      ({ key }) => Buffer.compare(key, from) >= 0 && (end === undefined || Buffer.compare(key, end) < 0),
    )
    for (const entry of reverse ? within.reverse() : within) {
      this.#read()
      yield entry
    }
  }

  commit(changes: ReadonlyMap<number, readonly StateChange[]>): void {
    for (const [machine, list] of changes) {
      for (const { key, value } of list) {
        if (value === undefined) this.#entries(machine).delete(nameOf(key))
        else this.#entries(machine).set(nameOf(key), { key, value: Uint8Array.from(value) })
      }
    }
  }

  #read(): void {
    this.reads++
    if (this.failure !== undefined) throw this.failure
  }

  #entries(machine: number): Map<string, Entry> {
    const entries = this.#machines.get(machine) ?? new Map<string, Entry>()
    this.#machines.set(machine, entries)
    return entries
  }
}

const nameOf = (key: Uint8Array): string => Buffer.from(key).toString('hex')
