import type { BinaryKey } from './binary-key.js'
import type { KeyCodec } from './key-codec.js'
import type { RangeOptions, StateView } from './stored.js'
import type { ValueCodec } from './value-codec.js'
import type { WriteSet } from './write-set.js'

/** A write set in the keys and values of its machine. Queries have the same object: the write set refuses their changes. */
export class StoredView implements StateView<unknown, unknown> {
  readonly #set: WriteSet
  readonly #keys: KeyCodec<unknown>
  readonly #values: ValueCodec<unknown>

  constructor(set: WriteSet, keys: KeyCodec<unknown>, values: ValueCodec<unknown>) {
    this.#set = set
    this.#keys = keys
    this.#values = values
  }

  get(key: unknown): unknown {
    const bytes = this.#set.get(this.#keys.encode(key))
    return bytes === undefined ? undefined : this.#values.decode(bytes)
  }

  has(key: unknown): boolean {
    return this.#set.get(this.#keys.encode(key)) !== undefined
  }

  put(key: unknown, value: unknown): void {
    this.#set.put(this.#keys.encode(key), this.#values.encode(value))
  }

  remove(key: unknown): void {
    this.#set.remove(this.#keys.encode(key))
  }

  range(options: RangeOptions<unknown> = {}): IterableIterator<[unknown, unknown]> {
    const { from, end, reverse = false, limit = Number.POSITIVE_INFINITY } = options
    if (!(limit >= 0)) throw new TypeError(`the limit of a range is a number from 0 up, got ${String(limit)}`)
    const lowest = from === undefined ? '' : this.#keys.encode(from)
    const entries = this.#set.range(lowest, end === undefined ? undefined : this.#keys.encode(end), reverse)
    return this.#decoded(entries, limit)
  }

  *#decoded(
    entries: IterableIterator<readonly [BinaryKey, Uint8Array]>,
    limit: number,
  ): Generator<[unknown, unknown], undefined> {
    let left = limit
    if (left < 1) return
    for (const [key, value] of entries) {
      yield [this.#keys.decode(key), this.#values.decode(value)]
      if (--left < 1) return
    }
  }
}
