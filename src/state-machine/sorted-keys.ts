import type { BinaryKey } from './binary-key.js'

// An insertion moves half a chunk at the median, and a search compares as many times as in one sorted array.
const CHUNK_KEYS = 512

/** Keys in order, each once; more may be added while cursors stand in it. */
export class SortedKeys {
  /** None is empty, but the first one of an empty list. */
  readonly #chunks: BinaryKey[][] = []

  /** `keys` are ascending, each there once. */
  constructor(keys: readonly BinaryKey[]) {
    for (let at = 0; at < keys.length; at += CHUNK_KEYS / 2) this.#chunks.push(keys.slice(at, at + CHUNK_KEYS / 2))
    if (keys.length === 0) this.#chunks.push([])
  }

  add(key: BinaryKey): void {
    const chunks = this.#chunks
    const c = this.chunkOf(key)
    const chunk = chunks[c]!
    const at = lowerBound(chunk, key)
    if (chunk[at] === key) return
    chunk.splice(at, 0, key)
    if (chunk.length >= CHUNK_KEYS) chunks.splice(c + 1, 0, chunk.splice(CHUNK_KEYS / 2))
  }

  /** The last chunk that begins at or before the key; the first one if none does. */
  chunkOf(key: BinaryKey): number {
    let low = 0
    let high = this.#chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#chunks[middle]![0]! <= key) low = middle
      else high = middle - 1
    }
    return low
  }

  get chunks(): readonly (readonly BinaryKey[])[] {
    return this.#chunks
  }
}

/** Walks the keys from `from` up to, not including, `end`, or back from there. */
export class KeyCursor {
  readonly #keys: SortedKeys
  readonly #from: BinaryKey
  readonly #end: BinaryKey | undefined
  readonly #reverse: boolean
  #last: BinaryKey | undefined
  #done = false
  #chunk = 0
  #at = 0

  constructor(keys: SortedKeys, from: BinaryKey, end: BinaryKey | undefined, reverse: boolean) {
    this.#keys = keys
    this.#from = from
    this.#end = end
    this.#reverse = reverse
  }

  /** The next key; undefined at the end. Keys that are added ahead of the cursor's place are met, others are not. */
  next(): BinaryKey | undefined {
    if (this.#done) return undefined
    const key = this.#reverse ? this.#previous() : this.#following()
    this.#last = key
    this.#done = key === undefined
    return key
  }

  #following(): BinaryKey | undefined {
    const { chunks } = this.#keys
    if (this.#last === undefined) this.#seek(this.#from)
    else if (chunks[this.#chunk]?.[this.#at] === this.#last) this.#at++
    else this.#seekBehind(this.#last)
    if (this.#at === chunks[this.#chunk]!.length && this.#chunk + 1 < chunks.length) {
      this.#chunk++
      this.#at = 0
    }
    const key = chunks[this.#chunk]![this.#at]
    return key === undefined || (this.#end !== undefined && key >= this.#end) ? undefined : key
  }

  #previous(): BinaryKey | undefined {
    const { chunks } = this.#keys
    const bound = this.#last ?? this.#end
    if (bound === undefined) {
      this.#chunk = chunks.length - 1
      this.#at = chunks[this.#chunk]!.length
    } else if (this.#last === undefined || chunks[this.#chunk]?.[this.#at] !== bound) {
      this.#seek(bound)
    }
    if (this.#at === 0 && this.#chunk > 0) {
      this.#chunk--
      this.#at = chunks[this.#chunk]!.length
    }
    const key = chunks[this.#chunk]![--this.#at]
    return key === undefined || key < this.#from ? undefined : key
  }

  /** To the first key that is not below. */
  #seek(key: BinaryKey): void {
    this.#chunk = this.#keys.chunkOf(key)
    this.#at = lowerBound(this.#keys.chunks[this.#chunk]!, key)
  }

  /** To the first key above: the place has moved since the last step. */
  #seekBehind(key: BinaryKey): void {
    this.#seek(key)
    if (this.#keys.chunks[this.#chunk]![this.#at] === key) this.#at++
  }
}

function lowerBound(chunk: readonly BinaryKey[], key: BinaryKey): number {
  let low = 0
  let high = chunk.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (chunk[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}
