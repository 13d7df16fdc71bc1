/** How commands reach the machine: as they are, or as objects through cbor. */
export const ENCODINGS = ['bytes', 'cbor'] as const
export type Encoding = (typeof ENCODINGS)[number]

/** One command of the load with `--encoding cbor`. */
export interface CborCommand {
  /** Who proposes it. */
  by: number
  n: number
  value?: Uint8Array
}

/** Caller and count, 32 bits each: what makes one command differ from all others. */
const HEADER_BYTES = 8
/** Of a cbor command without its value. */
const CBOR_HEADER_BYTES = 16
/** What a value adds to its own bytes: its name, and its length. */
const CBOR_VALUE_BYTES = 9

/**
 * The commands of one load. They are made once and written over for each call: a call encodes them, or copies their
 * bytes, before it returns.
 */
export class Commands {
  readonly #all: readonly unknown[]
  readonly #stamp: (i: number, caller: number, count: number) => void
  #count = 0

  constructor(many: number, bytes: number, encoding: Encoding) {
    if (encoding === 'cbor') {
      const rest = bytes - CBOR_HEADER_BYTES - CBOR_VALUE_BYTES
      const value = rest > 0 ? { value: new Uint8Array(rest) } : {}
      const all = Array.from({ length: many }, (): CborCommand => ({ by: 0, n: 0, ...value }))
      this.#all = all
      this.#stamp = (i, caller, count) => {
        const command = all[i]!
        command.by = caller
        command.n = count
      }
      return
    }
    const size = Math.max(bytes, HEADER_BYTES)
    const memory = new Uint8Array(many * size)
    const view = new DataView(memory.buffer)
    this.#all = Array.from({ length: many }, (_, i) => memory.subarray(i * size, (i + 1) * size))
    this.#stamp = (i, caller, count) => {
      view.setUint32(i * size, caller, true)
      view.setUint32(i * size + 4, count, true)
    }
  }

  next(caller: number): unknown {
    this.#stamp(0, caller, this.#count++)
    return this.#all[0]
  }

  nextMany(caller: number): readonly unknown[] {
    for (let i = 0; i < this.#all.length; i++) this.#stamp(i, caller, this.#count++)
    return this.#all
  }
}
