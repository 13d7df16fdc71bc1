import { decodeReply, encodeCommand, encodeKey, Operation, Status } from '../../examples/kv/kv-codec.js'
import type { PaxosNode } from '../../src/index.js'
import { openHttp1 } from '../http/http1-wire.js'
import type { Wire } from '../http/wire.js'
import type { Versioned } from './records.js'

export type Consistency = 'quorum' | 'local'

/** One caller's way to the store, one call at a time. Rejects with an error that has a `code`. */
export interface KvStore {
  read(key: string): Promise<Versioned | undefined>
  /** The version that the key then has. */
  put(key: string, value: Uint8Array): Promise<number>
  close(): void
}

/** The machine of examples/kv on a node of this process. */
export function inProcess(node: PaxosNode, consistency: Consistency): KvStore {
  return {
    async read(key) {
      const answer = await node.groupFor(key).read(encodeKey(key), { consistency })
      const { status, version, value } = decodeReply(answer as Uint8Array)
      return status === Status.absent ? undefined : { version, value }
    },
    async put(key, value) {
      const { result } = await node.groupFor(key).propose(encodeCommand(Operation.put, key, value))
      return decodeReply(result as Uint8Array).version
    },
    close: () => undefined,
  }
}

/** A failure that a server has answered with, or the end of its connection. */
class HttpFailure extends Error {
  readonly code: string
  readonly outcome: string

  constructor(code: string, outcome: string) {
    super(code)
    this.code = code
    this.outcome = outcome
  }
}

interface Response {
  readonly status: number
  readonly body: Buffer
  readonly version: number
}

/** The same over a connection of its own to a node of examples/kv. */
export class OverHttp implements KvStore {
  readonly #consistency: Consistency
  readonly #host: string
  #wire: Wire | undefined
  #waiting: { resolve(response: Response): void; reject(error: Error): void } | undefined

  private constructor(port: number, consistency: Consistency) {
    this.#host = `host: 127.0.0.1:${port}`
    this.#consistency = consistency
  }

  static async open(port: number, consistency: Consistency): Promise<OverHttp> {
    const store = new OverHttp(port, consistency)
    store.#wire = await openHttp1(port, {
      onAnswer: (_, status, body, head) => {
        const version = Number(/x-version: (\d+)/.exec(head.toString('latin1'))?.[1])
        // A copy: the bytes are void after this call.
        store.#waiting?.resolve({ status, body: Buffer.from(body), version })
      },
      onLost(why) {
        store.#wire = undefined
        store.#waiting?.reject(new HttpFailure(`LOST: ${why}`, 'unknown'))
      },
    })
    return store
  }

  async read(key: string): Promise<Versioned | undefined> {
    const line = `GET /kv/${key}?consistency=${this.#consistency} HTTP/1.1\r\n${this.#host}\r\n\r\n`
    const { status, body, version } = await this.#send(Buffer.from(line, 'latin1'))
    if (status === 404) return undefined
    if (status !== 200) throw failureOf(body)
    return { version, value: body }
  }

  async put(key: string, value: Uint8Array): Promise<number> {
    const head = `PUT /kv/${key} HTTP/1.1\r\n${this.#host}\r\ncontent-length: ${value.length}\r\n\r\n`
    const { status, body } = await this.#send(Buffer.concat([Buffer.from(head, 'latin1'), value]))
    if (status !== 200) throw failureOf(body)
    return (JSON.parse(body.toString()) as { version: number }).version
  }

  close(): void {
    this.#wire?.close()
  }

  #send(request: Uint8Array): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (this.#wire === undefined) return reject(new HttpFailure('LOST', 'not-applied'))
      this.#waiting = { resolve, reject }
      this.#wire.send(0, request)
    })
  }
}

function failureOf(body: Buffer): HttpFailure {
  const { code, outcome } = JSON.parse(body.toString()) as { code: string; outcome: string }
  return new HttpFailure(code, outcome)
}
