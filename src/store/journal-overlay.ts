import type { Put } from './journal-entry.js'

/** What stands in a journal and not yet in its environment: the last value of each key. */
export class JournalOverlay {
  /** Of all values. */
  bytes = 0
  readonly #puts = new Map<string, Put>()

  get size(): number {
    return this.#puts.size
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#puts.size === 0 ? undefined : this.#puts.get(nameOf(key))?.value
  }

  set(put: Put): void {
    const name = nameOf(put.key)
    this.bytes += put.value.length - (this.#puts.get(name)?.value.length ?? 0)
    this.#puts.set(name, put)
  }

  puts(): Iterable<Put> {
    return this.#puts.values()
  }

  clear(): void {
    this.#puts.clear()
    this.bytes = 0
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(key, 0, key.length)
}
