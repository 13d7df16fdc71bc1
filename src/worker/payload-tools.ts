import { decodeCbor, encodeCbor } from '../codec/cbor.js'
import type { CborBounds } from '../codec/cbor-scan.js'
import { crc32 } from '../codec/crc32.js'
import { MAX_COMMAND_BYTES } from '../codec/limits.js'
import { decodePayload, encodePayload, PAYLOAD_RAW } from '../codec/payload.js'
import type { PayloadTools } from '../state-machine/outcome.js'

const FNV_PRIME = 0x01000193

/** The codec as state machines see it. The bound is the codec's own, not this node's: the digest must not depend on one. */
export const payloadTools: PayloadTools = {
  rawFlags: PAYLOAD_RAW,
  decode: decodePayload,
  encode: (value) => encodePayload(value, MAX_COMMAND_BYTES),
  encodePlain: (value, maxBytes) => encodeCbor(value, { ...PLAIN, maxBytes }),
  decodePlain: (bytes) => decodeCbor(bytes, 0, bytes.length, PLAIN),
  digest: outcomeDigest,
}

/**
 * What a machine made itself and this node has kept: no bound on the number of its items, which for commands keeps a
 * caller from making much out of few bytes. A list of a billion ones is a matter of the heap.
 */
const PLAIN: CborBounds = { maxBytes: 2 ** 30, maxDepth: 64, maxItems: Number.POSITIVE_INFINITY }

/** Up to here a call into native code costs more than it does. */
const LOOP_BYTES = 64

function outcomeDigest(seed: number, status: number, bytes: Uint8Array): number {
  // FNV-1a over status and length first, so that an empty result counts too.
  let digest = Math.imul(Math.imul(seed ^ status, FNV_PRIME) ^ bytes.length, FNV_PRIME)
  if (bytes.length > LOOP_BYTES) return crc32(bytes, digest >>> 0)
  for (let i = 0; i < bytes.length; i++) digest = Math.imul(digest ^ (bytes[i] as number), FNV_PRIME)
  return digest >>> 0
}
