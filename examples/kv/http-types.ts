/** What the routes see of HTTP, so that they do not know which server runs them. */
export interface HttpRequest {
  readonly method: string
  /** As it came, still percent-encoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Uint8Array
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** Never rejects: a failure is a response too. */
export type Handler = (request: HttpRequest) => Promise<HttpResponse>

export interface ServerOptions {
  readonly host: string
  readonly port: number
  readonly maxBodyBytes: number
  readonly handler: Handler
}

export interface HttpServer {
  readonly name: string
  /** Stops listening at once, lets the requests in progress end for at most `graceMs`, closes every connection. */
  close(graceMs: number): Promise<void>
}

/** The port cannot be listened on: nothing that another server could do better. */
export class ListenError extends Error {
  constructor({ host, port }: Pick<ServerOptions, 'host' | 'port'>, why: string) {
    super(`cannot listen on ${host}:${port}: ${why}; give --http another port, or end the process that has this one`)
    this.name = 'ListenError'
  }
}

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Payload Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

export const statusLine = (status: number): string => `${status} ${reasons[status] ?? 'Status'}`

const JSON_TYPE = { 'content-type': 'application/json' }

export function json(status: number, body: object): HttpResponse {
  return { status, headers: JSON_TYPE, body: JSON.stringify(body) }
}

export function failure(status: number, code: string, message: string, more: object = {}): HttpResponse {
  return json(status, { code, message, outcome: 'not-applied', ...more })
}

export const tooLarge = (maxBodyBytes: number): HttpResponse =>
  failure(413, 'BODY_TOO_LARGE', `a value has at most ${maxBodyBytes} bytes; this server's --max-value says so`)
