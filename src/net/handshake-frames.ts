import { clusterIdPattern, type LinkIdentity } from './link-identity.js'

/*
 * The four frames of the handshake, in bytes (docs/wire.md). Integers are big-endian.
 *
 *   every frame   magic u32, kind u8, then
 *   HELLO         identity, nonce 32
 *   CHALLENGE     identity, nonce 32, proof 32
 *   PROOF         proof 32
 *   READY         version u16
 *   identity      nodeId u16, protocolMin u16, protocolMax u16, groupCount u32, voterId 8, incarnation 8,
 *                 clusterId: length u8, ASCII
 *
 * Decoding is total: whatever the bytes, the answer is a frame or `undefined`.
 */
const magic = 0x5350584c // SPXL
const headBytes = 5
const identityFixedBytes = 27
export const nonceBytes = 32
const proofBytes = 32
/** No handshake frame is longer: all that a stranger may send. */
export const maxHandshakeFrameBytes = headBytes + identityFixedBytes + 64 + nonceBytes + proofBytes

const kinds = { hello: 1, challenge: 2, proof: 3, ready: 4 } as const

export interface IdentityFrame {
  readonly identity: LinkIdentity
  readonly nonce: Uint8Array
}
interface ChallengeFrame extends IdentityFrame {
  readonly proof: Uint8Array
}

function frame(kind: number, ...parts: Uint8Array[]): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeUInt32BE(magic, 0)
  head.writeUInt8(kind, 4)
  return Buffer.concat([head, ...parts])
}

function identityBytes(identity: LinkIdentity): Buffer {
  const fixed = Buffer.alloc(identityFixedBytes)
  fixed.writeUInt16BE(identity.nodeId, 0)
  fixed.writeUInt16BE(identity.protocolMin, 2)
  fixed.writeUInt16BE(identity.protocolMax, 4)
  fixed.writeUInt32BE(identity.groupCount, 6)
  fixed.write(identity.voterId, 10, 8, 'hex')
  fixed.write(identity.incarnation, 18, 8, 'hex')
  fixed.writeUInt8(identity.clusterId.length, 26)
  return Buffer.concat([fixed, Buffer.from(identity.clusterId, 'latin1')])
}

/** The frame's body, if magic and kind fit. */
function body(bytes: Uint8Array, kind: number): Buffer | undefined {
  if (bytes.byteLength < headBytes || bytes.byteLength > maxHandshakeFrameBytes) return undefined
  // A copy: what a listener hands over is void after the call, and nonces are kept.
  const whole = Buffer.from(bytes)
  if (whole.readUInt32BE(0) !== magic || whole.readUInt8(4) !== kind) return undefined
  return whole.subarray(headBytes)
}

/** An identity at the start of `bytes` that leaves exactly `rest` bytes behind it. */
function readIdentity(bytes: Buffer, rest: number): LinkIdentity | undefined {
  if (bytes.length < identityFixedBytes) return undefined
  const clusterBytes = bytes.readUInt8(26)
  if (bytes.length !== identityFixedBytes + clusterBytes + rest) return undefined
  const identity: LinkIdentity = {
    nodeId: bytes.readUInt16BE(0),
    protocolMin: bytes.readUInt16BE(2),
    protocolMax: bytes.readUInt16BE(4),
    groupCount: bytes.readUInt32BE(6),
    voterId: bytes.toString('hex', 10, 18),
    incarnation: bytes.toString('hex', 18, 26),
    clusterId: bytes.toString('latin1', identityFixedBytes, identityFixedBytes + clusterBytes),
  }
  const sound =
    identity.nodeId > 0 &&
    identity.protocolMin > 0 &&
    identity.protocolMax >= identity.protocolMin &&
    clusterIdPattern.test(identity.clusterId)
  return sound ? identity : undefined
}

export function encodeHello(hello: IdentityFrame): Uint8Array {
  return frame(kinds.hello, identityBytes(hello.identity), hello.nonce)
}

export function decodeHello(bytes: Uint8Array): IdentityFrame | undefined {
  const rest = body(bytes, kinds.hello)
  const identity = rest && readIdentity(rest, nonceBytes)
  return rest && identity ? { identity, nonce: rest.subarray(-nonceBytes) } : undefined
}

/** The part of a CHALLENGE that its own proof covers. */
export function challengeHead(challenge: IdentityFrame): Uint8Array {
  return frame(kinds.challenge, identityBytes(challenge.identity), challenge.nonce)
}

export function encodeChallenge(challenge: ChallengeFrame): Uint8Array {
  return Buffer.concat([challengeHead(challenge), challenge.proof])
}

export function decodeChallenge(bytes: Uint8Array): ChallengeFrame | undefined {
  const rest = body(bytes, kinds.challenge)
  const identity = rest && readIdentity(rest, nonceBytes + proofBytes)
  if (!rest || !identity) return undefined
  return { identity, nonce: rest.subarray(-nonceBytes - proofBytes, -proofBytes), proof: rest.subarray(-proofBytes) }
}

export function encodeProof(proof: Uint8Array): Uint8Array {
  return frame(kinds.proof, proof)
}

export function decodeProof(bytes: Uint8Array): Uint8Array | undefined {
  const rest = body(bytes, kinds.proof)
  return rest?.length === proofBytes ? rest : undefined
}

export function encodeReady(version: number): Uint8Array {
  const version16 = Buffer.alloc(2)
  version16.writeUInt16BE(version, 0)
  return frame(kinds.ready, version16)
}

/** The version of the link, or `undefined`. */
export function decodeReady(bytes: Uint8Array): number | undefined {
  const rest = body(bytes, kinds.ready)
  return rest?.length === 2 ? rest.readUInt16BE(0) : undefined
}
