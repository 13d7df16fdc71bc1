/** The frames of HTTP/2 (RFC 9113) that a caller of unary gRPC needs, and their header blocks (RFC 7541). */
export const FrameType = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const
export const Flag = { ack: 1, endStream: 1, endHeaders: 4 } as const

export const FRAME_HEAD_BYTES = 9
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Before every message of gRPC: whether it is compressed, and its length. */
export const GRPC_HEAD_BYTES = 5

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(FRAME_HEAD_BYTES + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  bytes.set(payload, FRAME_HEAD_BYTES)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** The header block of the first call of a connection: its fields enter the server's table, the newest as number 62. */
export function firstHeaders(path: string, authority: string): Buffer {
  return Buffer.concat([
    METHOD_AND_SCHEME,
    literal(4, path),
    literal(1, authority),
    literal(31, 'application/grpc'),
    Buffer.from([0x40]),
    text('te'),
    text('trailers'),
  ])
}

/** The header block of every later call: nothing but places in the table. */
export const laterHeaders = Buffer.from([0x83, 0x86, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62])

const METHOD_AND_SCHEME = laterHeaders.subarray(0, 2)

/** With incremental indexing; `name` is its place in the static table. */
const literal = (name: number, value: string): Buffer => Buffer.concat([Buffer.from([0x40 | name]), text(value)])

/** Without Huffman coding; below 127 bytes. */
const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')])
