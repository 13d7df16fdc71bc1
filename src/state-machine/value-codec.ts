import { Copier } from './copier.js'
import type { PayloadTools } from './outcome.js'
import type { ValueKind } from './stored.js'

/** Above this a single value would dominate a commit; it is also the longest that one command can bring by default. */
export const MAX_VALUE_BYTES = 64 * 1024 * 1024

/** Between the values of a machine and their bytes. */
export interface ValueCodec<Value> {
  /** To be copied before anything else is encoded. Throws a TypeError for what is no value of this kind. */
  encode(value: Value): Uint8Array
  /** The caller's own. */
  decode(bytes: Uint8Array): Value
}

/** Most of what a machine reads it forgets with the end of the command. */
const given = new Copier()

export function valueCodec(kind: ValueKind, tools: PayloadTools): ValueCodec<unknown> {
  return kind === 'bytes' ? (bytesValues as ValueCodec<unknown>) : cborValues(tools)
}

const bytesValues: ValueCodec<Uint8Array> = {
  encode(value) {
    if (!isBytes(value)) throw new TypeError(`a value of bytes is a Uint8Array, got ${typeof value}`)
    if (value.length > MAX_VALUE_BYTES) throw tooLarge(value.length)
    return value
  },
  decode: (bytes) => given.copy(bytes),
}

const cborValues = (tools: PayloadTools): ValueCodec<unknown> => ({
  encode(value) {
    try {
      return tools.encodePlain(value, MAX_VALUE_BYTES)
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
