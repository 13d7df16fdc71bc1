import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { maxHandshakeFrameBytes } from './handshake-frames.js'
import { KeepAlive } from './keep-alive.js'
import { type InboundSocket, type Listener, type ListenerOptions, linkPath } from './listener.js'
import { listenError } from './net-error.js'
import type { RefusalCode } from './refusal.js'

/** Bytes a connection may send before its first completed handshake: request, frame headers, two handshake frames. */
const strangerBytes = 16 * 1024 + 4 * maxHandshakeFrameBytes
/** How long an orderly close may take before the connection is cut. */
const closeMs = 1_000

const remoteOf = (socket: Socket): string => socket.remoteAddress ?? 'an unknown address'

/** A TCP connection until it is a WebSocket; if it never becomes one, it counts as junk when it ends. */
class Stranger {
  readonly #socket: Socket
  readonly #remote: string
  readonly #timer: NodeJS.Timeout
  readonly #onClose: () => void
  #reason: RefusalCode = 'BAD_FRAME'

  constructor(socket: Socket, options: ListenerOptions, gone: () => void) {
    this.#socket = socket
    this.#remote = remoteOf(socket)
    this.#timer = setTimeout(() => this.refuse('HANDSHAKE_TIMEOUT'), options.handshakeMs)
    this.#onClose = () => {
      clearTimeout(this.#timer)
      gone()
      options.junk(this.#reason, this.#remote)
    }
    socket.once('close', this.#onClose)
  }

  refuse(reason: RefusalCode): void {
    this.#reason = reason
    this.#socket.destroy()
  }

  /** It is a WebSocket now. */
  release(): void {
    clearTimeout(this.#timer)
    this.#socket.off('close', this.#onClose)
  }
}

function accept(ws: WebSocket, tcp: Socket, options: ListenerOptions): void {
  let over = false
  let broken: RefusalCode | undefined
  let cutTimer: NodeJS.Timeout | undefined
  const strangerLimit = () => {
    if (tcp.bytesRead > strangerBytes) {
      broken = 'BAD_FRAME'
      ws.terminate()
    }
  }
  const socket: InboundSocket = {
    remote: remoteOf(tcp),
    send: (bytes) => ws.send(bytes, { binary: true }),
    close(code, reason) {
      if (over) return
      over = true
      ws.close(code, reason)
      // A peer that never answers the close frame must not hold the connection.
      cutTimer = setTimeout(() => ws.terminate(), closeMs)
    },
    cut() {
      over = true
      ws.terminate()
    },
    trust: () => tcp.off('data', strangerLimit),
  }
  const keepAlive = new KeepAlive(options.keepAliveMs, {
    ping: () => ws.ping(),
    cut: () => ws.terminate(),
    progress: () => tcp.bytesRead,
  })
  const handler = options.accept(socket)
  tcp.on('data', strangerLimit)
  ws.on('message', (data, isBinary) => {
    if (!over) handler.message(data as Buffer, isBinary)
  })
  ws.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') broken = 'TOO_LARGE'
    else if (error.code?.startsWith('WS_ERR_')) broken = 'BAD_FRAME'
  })
  ws.once('close', (code) => {
    over = true
    clearTimeout(cutTimer)
    keepAlive.stop()
    handler.closed(code, broken)
  })
}

function buildServer(options: ListenerOptions, sockets: Set<Socket>): Server {
  const server = createServer({ connectionsCheckingInterval: options.handshakeMs, requestTimeout: options.handshakeMs })
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    skipUTF8Validation: true,
    maxPayload: options.maxFrameBytes,
  })
  // In the order of arrival: those who hold the door shut give way first.
  const strangers = new Map<Socket, Stranger>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    strangers.set(socket, new Stranger(socket, options, () => strangers.delete(socket)))
    if (strangers.size <= options.maxConnecting) return
    const [oldest] = strangers
    if (!oldest) return
    strangers.delete(oldest[0])
    oldest[1].refuse('TOO_MANY')
  })
  // Counted when the connection ends.
  server.on('clientError', (_error, socket) => socket.destroy())
  server.on('request', (request) => request.socket.destroy())
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== linkPath) {
      socket.destroy()
      return
    }
    webSockets.handleUpgrade(request, socket, head, (ws) => {
      strangers.get(request.socket)?.release()
      strangers.delete(request.socket)
      accept(ws, request.socket, options)
    })
  })
  return server
}

export function listenWs(options: ListenerOptions): Promise<Listener> {
  const { host, port } = options
  const sockets = new Set<Socket>()
  const server = buildServer(options, sockets)
  const listener = (): Listener => {
    const address = server.address()
    return {
      kind: 'ws',
      port: address !== null && typeof address === 'object' ? address.port : port,
      stopListening: () => server.close(),
      close() {
        for (const socket of sockets) socket.destroy()
        return new Promise((resolve) => server.close(() => resolve()))
      },
    }
  }
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(listenError(host, port, error.code))
    server.once('error', failed)
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', failed)
      // Later errors are of `accept`: no file descriptor is left for a newcomer. Those who are in stay.
      server.on('error', (error: NodeJS.ErrnoException) => options.junk('TOO_MANY', error.code ?? 'accept'))
      resolve(listener())
    })
  })
}
