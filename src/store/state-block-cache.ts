import type { Block } from './state-block.js'

interface Cached {
  readonly number: number
  readonly crc: number
  readonly block: Block
  readonly home: Map<number, Cached>
  /** Neighbours in the order of use; both undefined once it was thrown out. */
  newer: Cached | undefined
  older: Cached | undefined
}

/** Blocks whose checksums were right, of all trees of a store: the least recently used ones go first. */
export class StateBlockCache {
  readonly #maxBytes: number
  #bytes = 0
  #newest: Cached | undefined
  #oldest: Cached | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The part of one tree. */
  shelf(): CacheShelf {
    const home = new Map<number, Cached>()
    return {
      get: (number, crc) => {
        const cached = home.get(number)
        if (cached === undefined || cached.crc !== crc) return undefined
        if (cached !== this.#newest) {
          this.#unlink(cached)
          this.#link(cached)
        }
        return cached.block
      },
      put: (number, crc, block) => {
        this.#remove(home.get(number))
        const cached = { number, crc, block, home, newer: undefined, older: undefined }
        home.set(number, cached)
        this.#link(cached)
        this.#bytes += block.footprint
        // The newest one stays, however large it is: whoever put it there is about to read it.
        while (this.#bytes > this.#maxBytes && this.#oldest !== cached) this.#remove(this.#oldest)
      },
      remove: (number) => this.#remove(home.get(number)),
      clear: () => {
        for (const cached of [...home.values()]) this.#remove(cached)
      },
    }
  }

  #remove(cached: Cached | undefined): void {
    if (cached === undefined) return
    this.#unlink(cached)
    cached.home.delete(cached.number)
    this.#bytes -= cached.block.footprint
  }

  #link(cached: Cached): void {
    cached.older = this.#newest
    cached.newer = undefined
    if (this.#newest !== undefined) this.#newest.newer = cached
    this.#newest = cached
    this.#oldest ??= cached
  }

  #unlink(cached: Cached): void {
    const { newer, older } = cached
    if (newer === undefined) this.#newest = older
    else newer.older = older
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
  }
}

export interface CacheShelf {
  get(number: number, crc: number): Block | undefined
  put(number: number, crc: number, block: Block): void
  remove(number: number): void
  clear(): void
}
