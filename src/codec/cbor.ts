// The entry without the native string extractor: with it, what malformed text decodes to would depend on whether a
// node could load a binary.
import { Encoder } from 'cbor-x/encode'
import { type CborBounds, checkCbor } from './cbor-scan.js'
import { CodecError, fail } from './codec-error.js'
import { copyBytes, copyOf } from './own-bytes.js'

/**
 * cbor for plain data: null, undefined, booleans, numbers (-0 becomes 0), bigints, strings, bytes and typed arrays,
 * dates (exact to the year 9999), arrays, maps, sets, and objects (their own enumerable fields). Refused, on both
 * sides: records and other extensions whose meaning depends on what was sent before. Not canonical: never hash or
 * compare the bytes.
 */
// A map with its size in front: the default writes 16 bits of it, whatever the size.
const OPTIONS = { useRecords: false, variableMapSize: true, copyBuffers: true, tagUint8Array: false }
const coder = new Encoder(OPTIONS) as Encoder & { useBuffer(buffer: Uint8Array): void }

// The encoder's buffer grows to the largest value it saw, and its successors are as large.
const ENCODER_BYTES = 8192
const KEPT_BYTES = 256 * 1024

// Small payloads are decoded from here: a copy is cheaper than a view, and the slot of a ring is never handed on.
const scratch = new Uint8Array(4096)

/** The bytes are a view into a buffer of the encoder, which will not write them again. */
export function encodeCbor(value: unknown, bounds: CborBounds): Uint8Array {
  const bytes = encodeUnchecked(value)
  if (bytes.length > KEPT_BYTES) coder.useBuffer(Buffer.allocUnsafeSlow(ENCODER_BYTES))
  try {
    checkCbor(bytes, 0, bytes.length, bounds)
  } catch (error) {
    // What the readers would refuse is refused here, where the caller still hears of it.
    if (error instanceof CodecError && error.code === 'TOO_LARGE') throw error
    fail('NOT_ENCODABLE', 'a value that is not plain data', error)
  }
  return bytes
}

function encodeUnchecked(value: unknown): Uint8Array {
  try {
    return coder.encode(value)
  } catch (error) {
    // A function, a symbol, a getter that throws; or a cycle, which ends the stack.
    coder.useBuffer(Buffer.allocUnsafeSlow(ENCODER_BYTES))
    return fail(
      'NOT_ENCODABLE',
      `a value cannot be encoded: ${(error as { message?: unknown } | null)?.message}`,
      error,
    )
  }
}

/** The value shares no byte with the source. */
export function decodeCbor(bytes: Uint8Array, offset: number, length: number, bounds: CborBounds): unknown {
  checkCbor(bytes, offset, offset + length, bounds)
  try {
    if (length > scratch.length) return coder.decode(copyOf(bytes, offset, length))
    copyBytes(bytes, offset, length, scratch, 0)
    return decodePrefix(scratch, length)
  } catch (error) {
    return fail('MALFORMED', 'a cbor item that is no value', error)
  }
}

// The typings leave the second parameter out: where the item ends.
const decodePrefix = (coder.decode as (source: Uint8Array, end: number) => unknown).bind(coder)
