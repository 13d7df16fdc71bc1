import type { PayloadTools } from './outcome.js'
import type { ValueKind } from './stored.js'

/** Above this a single value would dominate a commit; it is also the longest that one command can bring by default. */
export const MAX_VALUE_BYTES = 64 * 1024 * 1024

/** Between the values of a machine and their bytes. */
export interface ValueCodec<Value> {
  /** A copy to be kept until the next commit. Throws a TypeError for what is no value of this kind. */
  encode(value: Value): Uint8Array
  /** The caller's own. */
  decode(bytes: Uint8Array): Value
}

// An array of its own costs four times as much as a part of a shared one, which stays while any of its parts does: a
// write set is thrown away as a whole.
const SLAB_BYTES = 16 * 1024
const LARGEST_PART = 1024
let slab = new Uint8Array(SLAB_BYTES)
let used = 0

function keptCopy(bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  if (length > LARGEST_PART) return new Uint8Array(bytes)
  if (used + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES)
    used = 0
  }
  slab.set(bytes, used)
  const copy = slab.subarray(used, used + length)
  used += length
  return copy
}

export function valueCodec(kind: ValueKind, tools: PayloadTools): ValueCodec<unknown> {
  return kind === 'bytes' ? (bytesValues as ValueCodec<unknown>) : cborValues(tools)
}

const bytesValues: ValueCodec<Uint8Array> = {
  encode(value) {
    if (!isBytes(value)) throw new TypeError(`a value of bytes is a Uint8Array, got ${typeof value}`)
    if (value.length > MAX_VALUE_BYTES) throw tooLarge(value.length)
    return keptCopy(value)
  },
  decode: (bytes) => new Uint8Array(bytes),
}

const cborValues = (tools: PayloadTools): ValueCodec<unknown> => ({
  encode(value) {
    try {
      return keptCopy(tools.encodePlain(value, MAX_VALUE_BYTES))
    } catch (cause) {
      throw new TypeError(`a value must be plain data: ${(cause as Error).message}`, { cause })
    }
  },
  decode: (bytes) => tools.decodePlain(bytes),
})

function tooLarge(length: number): TypeError {
  return new TypeError(`a value of ${length} bytes; it has at most ${MAX_VALUE_BYTES}`)
}

/** By property: a value may come from another realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] === 'Uint8Array'
}
