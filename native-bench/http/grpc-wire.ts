import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  Flag,
  FRAME_HEAD_BYTES,
  FrameType,
  firstHeaders,
  frame,
  GRPC_HEAD_BYTES,
  laterHeaders,
  PREFACE,
  uint32,
} from './http2-frames.js'
import { readBuffer, type Wire, type WireHandlers } from './wire.js'

/** The statuses of gRPC that are told apart: an answer with a message, or anything else. */
export const GRPC_OK = 0
const GRPC_FAILED = 2

/** What the server may send before it needs leave again: the most that HTTP/2 can say. */
const WINDOW_BYTES = 2 ** 31 - 1
const DEFAULT_WINDOW_BYTES = 65_535
const NOTHING = Buffer.alloc(0)

export interface GrpcTarget {
  readonly port: number
  /** `/package.Service/Method`, the same for all calls. */
  readonly path: string
}

/**
 * Many callers of one unary method over one connection of HTTP/2, without the cost of a general client: requests are
 * frames made of two fixed header blocks, all that became due within one turn leave in one write, and of the answers
 * nothing is decoded but the message. A server sends a message only with status OK, so its header blocks need no reading.
 * Rejects when nobody listens.
 */
export async function openGrpc({ port, path }: GrpcTarget, handlers: WireHandlers): Promise<Wire> {
  const connection: GrpcConnection[] = []
  const callback = (length: number): boolean => {
    connection[0]?.receive(readBuffer.subarray(0, length))
    return true
  }
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: readBuffer, callback } })
  connection.push(new GrpcConnection(socket, firstHeaders(path, `127.0.0.1:${port}`), handlers))
  await once(socket, 'connect')
  return connection[0]!
}

class GrpcConnection implements Wire {
  readonly #socket: Socket
  readonly #handlers: WireHandlers
  readonly #slotOf = new Map<number, number>()
  /** Messages that came, whose trailers have not yet. */
  readonly #messages = new Map<number, Uint8Array>()
  readonly #unsent: [slot: number, message: Uint8Array][] = []
  #out: Uint8Array[] = []
  #headers: Buffer
  #stream = 1
  #rest: Buffer | undefined
  #sendWindow = DEFAULT_WINDOW_BYTES
  #receiveWindow = WINDOW_BYTES
  #closed = false

  constructor(socket: Socket, first: Buffer, handlers: WireHandlers) {
    this.#socket = socket
    this.#handlers = handlers
    this.#headers = first
    this.#post(PREFACE)
    this.#post(frame(FrameType.settings, 0, 0, new Uint8Array(0)))
    this.#post(frame(FrameType.windowUpdate, 0, 0, uint32(WINDOW_BYTES - DEFAULT_WINDOW_BYTES)))
    socket.on('error', (error) => this.#lose(error.message))
    socket.on('close', () => this.#lose('the server closed the connection'))
  }

  send(slot: number, message: Uint8Array): void {
    const length = GRPC_HEAD_BYTES + message.length
    if (length > this.#sendWindow || this.#unsent.length > 0) {
      this.#unsent.push([slot, message])
      return
    }
    this.#sendWindow -= length
    const stream = this.#stream
    this.#stream += 2
    this.#slotOf.set(stream, slot)
    const head = this.#headers.length + FRAME_HEAD_BYTES
    const bytes = Buffer.allocUnsafe(head + FRAME_HEAD_BYTES + length)
    writeHead(bytes, 0, this.#headers.length, FrameType.headers, Flag.endHeaders, stream)
    bytes.set(this.#headers, FRAME_HEAD_BYTES)
    writeHead(bytes, head, length, FrameType.data, Flag.endStream, stream)
    bytes[head + FRAME_HEAD_BYTES] = 0
    bytes.writeUInt32BE(message.length, head + FRAME_HEAD_BYTES + 1)
    bytes.set(message, head + FRAME_HEAD_BYTES + GRPC_HEAD_BYTES)
    this.#headers = laterHeaders
    this.#post(bytes)
  }

  close(): void {
    this.#closed = true
    this.#socket.destroy()
  }

  receive(chunk: Buffer): void {
    if (this.#closed) return
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const bodyAt = at + FRAME_HEAD_BYTES
      const end = bodyAt + bytes.readUIntBE(at, 3)
      if (end > bytes.length) break
      this.#frame(bytes[at + 3]!, bytes[at + 4]!, bytes.readUInt32BE(at + 5), bytes.subarray(bodyAt, end))
      at = end
    }
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at))
  }

  #frame(type: number, flags: number, stream: number, payload: Buffer): void {
    switch (type) {
      case FrameType.data:
        this.#takeData(stream, payload)
        break
      case FrameType.headers:
        if ((flags & Flag.endStream) !== 0) this.#end(stream)
        break
      case FrameType.resetStream:
        this.#messages.delete(stream)
        this.#end(stream)
        break
      case FrameType.settings:
        if ((flags & Flag.ack) === 0) this.#post(frame(FrameType.settings, Flag.ack, 0, new Uint8Array(0)))
        break
      case FrameType.ping:
        if ((flags & Flag.ack) === 0) this.#post(frame(FrameType.ping, Flag.ack, 0, payload))
        break
      case FrameType.windowUpdate:
        if (stream === 0) this.#widen(payload.readUInt32BE(0))
        break
      case FrameType.goAway:
        this.#lose(`the server ended the connection: ${payload.toString('latin1', 8)}`)
        break
    }
  }

  #takeData(stream: number, payload: Buffer): void {
    const before = this.#messages.get(stream)
    this.#messages.set(stream, before === undefined ? Buffer.from(payload) : Buffer.concat([before, payload]))
    this.#receiveWindow -= payload.length
    if (this.#receiveWindow > WINDOW_BYTES / 2) return
    this.#post(frame(FrameType.windowUpdate, 0, 0, uint32(WINDOW_BYTES - this.#receiveWindow)))
    this.#receiveWindow = WINDOW_BYTES
  }

  #end(stream: number): void {
    const slot = this.#slotOf.get(stream)
    if (slot === undefined) return
    this.#slotOf.delete(stream)
    const message = this.#messages.get(stream)
    this.#messages.delete(stream)
    if (message === undefined) this.#handlers.onAnswer(slot, GRPC_FAILED, NOTHING, NOTHING)
    else this.#handlers.onAnswer(slot, GRPC_OK, message.subarray(GRPC_HEAD_BYTES), NOTHING)
  }

  #widen(bytes: number): void {
    this.#sendWindow += bytes
    for (const [slot, message] of this.#unsent.splice(0)) this.send(slot, message)
  }

  /** Leaves at the end of this turn, with all else that is posted by then. */
  #post(bytes: Uint8Array): void {
    if (this.#out.push(bytes) > 1) return
    process.nextTick(() => {
      const out = this.#out
      this.#out = []
      if (!this.#closed) this.#socket.write(out.length === 1 ? out[0]! : Buffer.concat(out))
    })
  }

  #lose(why: string): void {
    if (this.#closed) return
    this.close()
    this.#handlers.onLost(why)
  }
}

function writeHead(bytes: Buffer, at: number, length: number, type: number, flags: number, stream: number): void {
  bytes.writeUIntBE(length, at, 3)
  bytes[at + 3] = type
  bytes[at + 4] = flags
  bytes.writeUInt32BE(stream, at + 5)
}
