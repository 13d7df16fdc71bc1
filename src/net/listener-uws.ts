import { lookup } from 'node:dns/promises'
import { createServer } from 'node:net'
import { keepAliveMisses } from './keep-alive.js'
import { type InboundHandler, type InboundSocket, type Listener, type ListenerOptions, linkPath } from './listener.js'
import { listenError } from './net-error.js'
import type { Uws, UwsSocket } from './uws-module.js'

interface SocketData {
  handler: InboundHandler | undefined
}

const text = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString('latin1')

/**
 * An exception that leaves a native callback would end the process without a stack: it is thrown again where node handles
 * uncaught ones.
 */
function guarded(action: () => void): void {
  try {
    action()
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
}

/** A socket whose native part is void from the close event on: touching it then throws. */
class UwsInbound implements InboundSocket {
  readonly remote: string
  #native: UwsSocket<SocketData> | undefined

  constructor(native: UwsSocket<SocketData>) {
    this.#native = native
    this.remote = text(native.getRemoteAddressAsText())
  }

  send(bytes: Uint8Array): void {
    this.#native?.send(bytes, true)
  }

  close(code: number, reason: string): void {
    this.#release()?.end(code, reason)
  }

  cut(): void {
    this.#release()?.close()
  }

  // What a stranger may send cannot be limited apart here: it is `maxFrameBytes` times the bound on strangers.
  trust(): void {}

  forget(): void {
    this.#native = undefined
  }

  #release(): UwsSocket<SocketData> | undefined {
    const native = this.#native
    this.#native = undefined
    return native
  }
}

/** uWebSockets.js takes 0 or 8..960 seconds, in steps of 4; it sends its pings before they are over. */
export function idleSeconds(keepAliveMs: number): number {
  const seconds = Math.ceil((keepAliveMs * keepAliveMisses) / 4_000) * 4
  return Math.min(960, Math.max(8, seconds))
}

/** uWebSockets.js says only that it failed; node's own server on the same address says why. */
function listenFailure(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)))
  })
}

function buildApp(uws: Uws, options: ListenerOptions) {
  const app = uws.App()
  let connecting = 0
  // biome-ignore lint/suspicious/useIterableCallbackReturn: not the filter of an array
  app.filter((response, change) => {
    connecting += change
    if (change < 0) guarded(() => options.junk('BAD_FRAME', 'an unknown address'))
    // A slow stranger is cut by the library's own HTTP timeout of 10 s; until then only so many are let in.
    else if (connecting > options.maxConnecting) response.close()
  })
  app.any('/*', (response) => response.close())
  app.ws<SocketData>(linkPath, {
    maxPayloadLength: options.maxFrameBytes,
    // This side only ever sends handshake frames and control frames.
    maxBackpressure: 64 * 1024,
    idleTimeout: idleSeconds(options.keepAliveMs),
    sendPingsAutomatically: true,
    compression: uws.DISABLED,
    upgrade(response, request, context) {
      // An upgraded connection leaves the filter's count without a call.
      connecting--
      const key = request.getHeader('sec-websocket-key')
      const protocol = request.getHeader('sec-websocket-protocol')
      response.upgrade({ handler: undefined }, key, protocol, '', context)
    },
    open(native) {
      guarded(() => {
        const socket = new UwsInbound(native)
        const handler = options.accept(socket)
        native.getUserData().handler = {
          message: (bytes, binary) => handler.message(bytes, binary),
          closed(code, broken) {
            socket.forget()
            handler.closed(code, broken)
          },
        }
      })
    },
    message(native, message, isBinary) {
      guarded(() => native.getUserData().handler?.message(new Uint8Array(message), isBinary))
    },
    close(native, code, message) {
      const broken = code === 1006 && text(message).includes('too big') ? 'TOO_LARGE' : undefined
      guarded(() => native.getUserData().handler?.closed(code, broken))
    },
  })
  return app
}

export async function listenUws(uws: Uws, options: ListenerOptions): Promise<Listener> {
  const { host, port } = options
  // The library would resolve a name by blocking the thread.
  const found = await lookup(host).catch((error: NodeJS.ErrnoException) => {
    throw listenError(host, port, error.code)
  })
  const app = buildApp(uws, options)
  let token: unknown
  // Exclusive: by default two processes would share the port without noticing.
  app.listen(found.address, port, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, (result) => {
    token = result
  })
  if (!token) {
    app.close()
    throw listenError(host, port, await listenFailure(found.address, port))
  }
  let listening = true
  const stopListening = () => {
    if (listening) uws.us_listen_socket_close(token)
    listening = false
  }
  return {
    kind: 'uws',
    port: uws.us_socket_local_port(token),
    stopListening,
    async close() {
      stopListening()
      app.close()
    },
  }
}
