import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type HttpResponse, type HttpServer, ListenError, type ServerOptions, tooLarge } from './http-types.js'
import { InFlight } from './in-flight.js'

/** The same service on the server that Node brings along. */
export function startNodeServer(options: ServerOptions): Promise<HttpServer> {
  const { host, port } = options
  const inFlight = new InFlight()
  const server = createServer((req, res) => {
    inFlight.begin()
    // 'close' comes exactly once, after the response or instead of it.
    res.once('close', () => inFlight.end())
    void serve(req, res, options)
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new ListenError(options, error.message)))
    server.listen(port, host, () => {
      resolve({
        name: 'node:http',
        async close(graceMs) {
          const closed = new Promise<void>((done) => server.close(() => done()))
          server.closeIdleConnections()
          await inFlight.drained(graceMs)
          server.closeAllConnections()
          await closed
        },
      })
    })
  })
}

async function serve(req: IncomingMessage, res: ServerResponse, options: ServerOptions): Promise<void> {
  const { maxBodyBytes, handler } = options
  try {
    const body = await collect(req, maxBodyBytes)
    if (body === undefined) return send(res, tooLarge(maxBodyBytes), true)
    const [path = '', query = ''] = splitOnce(req.url ?? '/', '?')
    send(res, await handler({ method: req.method ?? 'GET', path, query: new URLSearchParams(query), body }), false)
  } catch {
    // The client went away in the middle of its body: there is nobody to answer.
    res.destroy()
  }
}

/** Undefined: longer than allowed; the rest is not read. */
async function collect(req: IncomingMessage, maxBodyBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of req as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBodyBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function send(res: ServerResponse, { status, headers, body }: HttpResponse, close: boolean): void {
  if (res.destroyed) return
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  const closing = close ? { connection: 'close' } : {}
  res.writeHead(status, { ...headers, ...closing, 'content-length': length })
  res.end(body)
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
