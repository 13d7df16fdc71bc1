import { decodeCbor, encodeCbor } from './cbor.js'
import { fail } from './codec-error.js'
import { checkFrame, PROTOCOL_VERSIONS, sealFrame } from './frame.js'
import { FRAME_HEADER_BYTES, FRAME_TYPE } from './frame-layout.js'
import type { Limits } from './limits.js'
import { allocateBytes, copyBytes } from './own-bytes.js'

/** Control frames: handshake, genesis, administration. Rare, so their content is cbor, small, flat, and few items. */
const BOUNDS = { maxDepth: 16, maxItems: 65_536 }

export type ControlLimits = Pick<Limits, 'maxFrameBytes' | 'maxControlBytes'>

export function encodeControl(
  value: unknown,
  limits: Pick<Limits, 'maxControlBytes'>,
  version: number = PROTOCOL_VERSIONS.max,
): Uint8Array {
  const payload = encodeCbor(value, { ...BOUNDS, maxBytes: limits.maxControlBytes })
  const frame = allocateBytes(FRAME_HEADER_BYTES + payload.length)
  copyBytes(payload, 0, payload.length, frame, FRAME_HEADER_BYTES)
  sealFrame(frame, version, FRAME_TYPE.control)
  return frame
}

/** Whatever the bytes are: the value, which owns its bytes, or a CodecError. Its shape is for the caller to check. */
export function decodeControl(bytes: Uint8Array, limits: ControlLimits): unknown {
  if (checkFrame(bytes, limits) !== 'control') fail('UNKNOWN_KIND', 'not a control frame')
  const length = bytes.length - FRAME_HEADER_BYTES
  return decodeCbor(bytes, FRAME_HEADER_BYTES, length, { ...BOUNDS, maxBytes: limits.maxControlBytes })
}
