import { Agent, type IncomingMessage, request } from 'node:http'

export interface KvReply {
  readonly status: number
  readonly version: number | undefined
  readonly body: string
}

/** How a write ended, as a client may know it. */
export type WriteEnd =
  | { readonly kind: 'done'; readonly version: number }
  | { readonly kind: 'conflict'; readonly version: number }
  | { readonly kind: 'not-applied' | 'unknown'; readonly why: string }

const TIMEOUT_MS = 8_000

/** The outside client: HTTP and nothing else. */
export class KvClient {
  readonly #portOf: (nodeId: number) => number
  #agent = new Agent({ keepAlive: true, maxSockets: 512 })

  constructor(portOf: (nodeId: number) => number) {
    this.#portOf = portOf
  }

  async put(nodeId: number, key: string, value: string): Promise<WriteEnd> {
    return this.#write(nodeId, 'PUT', `/kv/${encodeURIComponent(key)}`, value)
  }

  async compareAndSet(nodeId: number, key: string, value: string, ifVersion: number): Promise<WriteEnd> {
    return this.#write(nodeId, 'POST', `/kv/${encodeURIComponent(key)}?ifVersion=${ifVersion}`, value)
  }

  get(nodeId: number, key: string, consistency: 'quorum' | 'local'): Promise<KvReply> {
    return this.send(nodeId, 'GET', `/kv/${encodeURIComponent(key)}?consistency=${consistency}`)
  }

  async status<T>(nodeId: number): Promise<T> {
    const { status, body } = await this.send(nodeId, 'GET', '/status')
    if (status !== 200) throw new Error(`GET /status of node ${nodeId} gave ${status}: ${body}`)
    return JSON.parse(body) as T
  }

  /** Rejects when there is no whole answer. */
  send(nodeId: number, method: string, path: string, body = ''): Promise<KvReply> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#portOf(nodeId), method, path, agent: this.#agent }
      const sent = request({ ...options, timeout: TIMEOUT_MS }, (response) => {
        readBody(response).then((text) => {
          const version = response.headers['x-version']
          const status = response.statusCode ?? 0
          resolve({ status, version: version === undefined ? undefined : Number(version), body: text })
        }, reject)
      })
      sent.on('timeout', () => sent.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)))
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The server may close a connection that was kept alive at the moment when it is used again: only a write must not be
        // sent twice.
        const isWrite = method !== 'GET' && path.startsWith('/kv/')
        if (!isWrite && sent.reusedSocket && error.code === 'ECONNRESET')
          this.send(nodeId, method, path, body).then(resolve, reject)
        else reject(error)
      })
      sent.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }

  async #write(nodeId: number, method: string, path: string, value: string): Promise<WriteEnd> {
    let reply: KvReply
    try {
      reply = await this.send(nodeId, method, path, value)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      // Nothing has left this process when no connection was made; anything else may have arrived.
      return { kind: code === 'ECONNREFUSED' ? 'not-applied' : 'unknown', why: code ?? message }
    }
    const answer = JSON.parse(reply.body) as { version: number; code?: string; outcome?: string }
    if (reply.status === 200) return { kind: 'done', version: answer.version }
    if (reply.status === 409) return { kind: 'conflict', version: answer.version }
    return { kind: answer.outcome === 'not-applied' ? 'not-applied' : 'unknown', why: answer.code ?? `${reply.status}` }
  }
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
