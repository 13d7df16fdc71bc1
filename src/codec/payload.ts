import { decodeCbor, encodeCbor } from './cbor.js'
import { fail } from './codec-error.js'
import { DEFAULT_COMMAND_BYTES, MAX_COMMAND_BYTES } from './limits.js'
import { copyOf } from './own-bytes.js'

/** How a payload (command, query, result) is encoded: the flags of its command. */
export const PAYLOAD_RAW = 0
export const PAYLOAD_CBOR = 1

export interface Payload {
  readonly flags: number
  readonly bytes: Uint8Array
}

/** Deep enough for data, shallow enough for any thread's stack. */
const MAX_DEPTH = 64
/** An item of one byte may become an object of fifty. */
const MAX_ITEMS = 4 * 1024 * 1024

/** A Uint8Array goes as it is and is not copied; anything else as cbor (cbor.ts says what can be). */
export function encodePayload(value: unknown, maxBytes: number = DEFAULT_COMMAND_BYTES): Payload {
  if (!(value instanceof Uint8Array)) {
    return { flags: PAYLOAD_CBOR, bytes: encodeCbor(value, { maxBytes, maxDepth: MAX_DEPTH, maxItems: MAX_ITEMS }) }
  }
  if (value.length > maxBytes) fail('TOO_LARGE', `a payload of ${value.length} bytes; the limit is ${maxBytes}`)
  return { flags: PAYLOAD_RAW, bytes: value }
}

const BOUNDS = { maxBytes: MAX_COMMAND_BYTES, maxDepth: MAX_DEPTH, maxItems: MAX_ITEMS }

/** The value owns its bytes: the source may be the slot of a ring or a value of the log. */
export function decodePayload(flags: number, bytes: Uint8Array, offset: number, length: number): unknown {
  if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) fail('TRUNCATED', 'a payload is cut')
  if (flags === PAYLOAD_CBOR) return decodeCbor(bytes, offset, length, BOUNDS)
  if (flags === PAYLOAD_RAW) return copyOf(bytes, offset, length)
  return fail('UNKNOWN_KIND', `unknown payload encoding ${flags}`)
}
