import { readFileSync } from 'node:fs'

/** Bytes of a file. */
export interface Place {
  readonly file: string
  readonly at: number
  readonly bytes: number
}

export interface PlacesOfFile {
  readonly meta: Place[]
  /** Page headers, pointers, keys: what LMDB itself goes by. */
  readonly index: Place[]
  readonly heads: Place[]
  /** Records of a log, blocks of a state. */
  readonly values: Place[]
  /** Identity, owner, ballast. */
  readonly store: Place[]
}

const PAGE_BYTES = 4096
const HEADER_BYTES = 24
const FLAGS_AT = 18
const LOWER_AT = 20
const ROOT_AT = 136
const TRANSACTION_AT = 152
const META_BYTES = 160
const BRANCH = 1
const LEAF = 2
const NODE_BYTES = 8
const IS_BIG = 1
const LAST = 2 ** 48 - 1
const STORE_PREFIX = 0xffff

/** What lies where in the file of an environment that nobody has open, as of its last commit; pages of earlier ones are left out. */
export function lmdbPlaces(file: string): PlacesOfFile {
  const places: PlacesOfFile = { meta: [], index: [], heads: [], values: [], store: [] }
  new Walk(file, places).all()
  return places
}

class Walk {
  readonly #file: string
  readonly #data: Buffer
  readonly #places: PlacesOfFile

  constructor(file: string, places: PlacesOfFile) {
    this.#file = file
    this.#data = readFileSync(file)
    this.#places = places
  }

  all(): void {
    for (const at of [0, PAGE_BYTES]) this.#note('meta', at, META_BYTES)
    const transactionOf = (at: number) => this.#data.readBigUInt64LE(at + TRANSACTION_AT)
    const newest = transactionOf(0) > transactionOf(PAGE_BYTES) ? 0 : PAGE_BYTES
    this.#page(this.#number(newest + ROOT_AT))
  }

  #page(page: number): void {
    const start = page * PAGE_BYTES
    const flags = this.#data.readUInt16LE(start + FLAGS_AT)
    if (flags !== BRANCH && flags !== LEAF) throw new Error(`page ${page} of ${this.#file} has flags ${flags}`)
    const lower = this.#data.readUInt16LE(start + LOWER_AT)
    // Offsets count from behind the header.
    const body = start + HEADER_BYTES
    this.#note('index', start, HEADER_BYTES + lower)
    for (let i = 0; i < lower / 2; i++) {
      const node = body + this.#data.readUInt16LE(body + 2 * i)
      const keyBytes = this.#data.readUInt16LE(node + 6)
      this.#note('index', node, NODE_BYTES + keyBytes)
      if (flags === BRANCH) this.#page(this.#data.readUInt32LE(node) + this.#data.readUInt16LE(node + 4) * 2 ** 32)
      else this.#value(node, keyBytes)
    }
  }

  #value(node: number, keyBytes: number): void {
    const key = this.#data.subarray(node + NODE_BYTES, node + NODE_BYTES + keyBytes)
    if (keyBytes !== 8) throw new Error(`a key of ${keyBytes} bytes in ${this.#file}`)
    const kind = kindOf(key.readUInt16BE(0), key.readUIntBE(2, 6))
    const bytes = this.#data.readUInt32LE(node)
    const isBig = (this.#data.readUInt16LE(node + 4) & IS_BIG) !== 0
    const at = node + NODE_BYTES + keyBytes
    if (!isBig) return this.#note(kind, at, bytes)
    const page = this.#number(at)
    this.#note('index', at, 8)
    this.#note('index', page * PAGE_BYTES, HEADER_BYTES)
    this.#note(kind, page * PAGE_BYTES + HEADER_BYTES, bytes)
  }

  #note(kind: keyof PlacesOfFile, at: number, bytes: number): void {
    this.#places[kind].push({ file: this.#file, at, bytes })
  }

  #number(at: number): number {
    return Number(this.#data.readBigUInt64LE(at))
  }
}

/** See src/store/log-keys.ts: heads stand at the same keys in logs and states. */
function kindOf(prefix: number, number: number): 'heads' | 'values' | 'store' {
  if (prefix === 0) return number > 0 && number < STORE_PREFIX ? 'heads' : 'store'
  if (prefix === STORE_PREFIX) return 'store'
  return number === LAST ? 'heads' : 'values'
}
