import type { TemplatedApp, HttpResponse as UwsResponse } from 'uWebSockets.js'
import {
  type HttpRequest,
  type HttpResponse,
  type HttpServer,
  ListenError,
  type ServerOptions,
  statusLine,
  tooLarge,
} from './http-types.js'
import { InFlight } from './in-flight.js'

type Uws = typeof import('uWebSockets.js')

/** There, but missing in the package's typings. */
interface UntypedUws {
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number
}
type Listen = (host: string, port: number, options: number, done: (token: object | false) => void) => void
const listen = (app: TemplatedApp): Listen => app.listen.bind(app) as unknown as Listen

/** Most requests have none, and to parse one costs as much as to encode a command. */
const NO_QUERY = new URLSearchParams()
const NO_BODY = new Uint8Array(0)
const WITH_BODY = new Set(['PUT', 'POST', 'PATCH', 'DELETE'])

interface Exchange {
  readonly res: UwsResponse
  readonly head: Omit<HttpRequest, 'body'>
  aborted: boolean
  /** False as soon as a handler has the request. */
  waiting: boolean
}

/** `uws` is handed in, because it may not load on every machine. */
export function startUwsServer(uws: Uws, options: ServerOptions): Promise<HttpServer> {
  const { host, port } = options
  const app = uws.App()
  const inFlight = new InFlight()
  app.any('/*', (res, req) => {
    // What `req` holds is gone after this call.
    const method = req.getCaseSensitiveMethod()
    const query = req.getQuery()
    const head = { method, path: req.getUrl(), query: query ? new URLSearchParams(query) : NO_QUERY }
    const exchange: Exchange = { res, head, aborted: false, waiting: true }
    res.onAborted(() => {
      exchange.aborted = true
      if (exchange.waiting) inFlight.end()
      exchange.waiting = false
    })
    inFlight.begin()
    if (WITH_BODY.has(method)) collect(exchange, options, inFlight)
    else void respond(exchange, options, inFlight, NO_BODY)
  })
  return new Promise((resolve, reject) => {
    // Exclusive: otherwise two servers could listen on one port, and each would get a part of the requests.
    listen(app)(host, port, (uws as unknown as UntypedUws).LIBUS_LISTEN_EXCLUSIVE_PORT, (token) => {
      if (token === false) reject(new ListenError(options, 'it is in use'))
      else resolve({ name: 'uWebSockets.js', close: (graceMs) => close(uws, app, token, inFlight, graceMs) })
    })
  })
}

async function respond(exchange: Exchange, { handler }: ServerOptions, inFlight: InFlight, body: Uint8Array) {
  exchange.waiting = false
  const response = await handler({ ...exchange.head, body })
  inFlight.end()
  if (!exchange.aborted) send(exchange.res, response, false)
}

function collect(exchange: Exchange, options: ServerOptions, inFlight: InFlight): void {
  const chunks: Uint8Array[] = []
  let length = 0
  exchange.res.onData((chunk, isLast) => {
    if (!exchange.waiting) return
    length += chunk.byteLength
    if (length > options.maxBodyBytes) {
      exchange.waiting = false
      inFlight.end()
      send(exchange.res, tooLarge(options.maxBodyBytes), true)
      return
    }
    // A copy: the chunk's memory is void after this callback. Small ones share a slab, which an ArrayBuffer each would not.
    chunks.push(Buffer.from(new Uint8Array(chunk)))
    if (isLast) void respond(exchange, options, inFlight, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
  })
}

function send(res: UwsResponse, { status, headers, body }: HttpResponse, close: boolean): void {
  res.cork(() => {
    res.writeStatus(statusLine(status))
    for (const name in headers) res.writeHeader(name, headers[name]!)
    res.end(body, close)
  })
}

async function close(uws: Uws, app: TemplatedApp, token: object, inFlight: InFlight, graceMs: number): Promise<void> {
  uws.us_listen_socket_close(token as Parameters<Uws['us_listen_socket_close']>[0])
  await inFlight.drained(graceMs)
  app.close()
}
