import { GRPC_OK, openGrpc } from '../http/grpc-wire.js'
import { openHttp1 } from '../http/http1-wire.js'
import type { Wire } from '../http/wire.js'
import { Latencies } from '../load/latencies.js'
import { type Dialect, type PutRequest, putRequest } from './put-requests.js'
import { WrittenKeys } from './written-keys.js'

export interface PutLoadSettings {
  readonly dialect: Dialect
  /** Of the servers; the connections are spread over them. On 127.0.0.1. */
  readonly ports: readonly number[]
  readonly connections: number
  /** Puts in flight, each of a caller that waits for its answer. A connection of HTTP/1.1 has one. */
  readonly callers: number
  readonly valueBytes: number
  readonly keys: number
  /** The first put of each caller is counted from here: two loads on one cluster write different values. */
  readonly firstSequence: number
}

export interface PutSample {
  readonly puts: number
  readonly seconds: number
  /** Processor time of this process. */
  readonly cpuMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Every status that came, and how often; lost connections and their requests are not in it. */
  readonly statuses: Readonly<Record<string, number>>
  readonly lost: readonly string[]
}

const DIAL_AT_ONCE = 100
const PAUSE_MS = 10
const LAST_ANSWER_MS = 20_000
const GRPC_PUT = '/etcdserverpb.KV/Put'

interface Caller {
  readonly index: number
  readonly request: PutRequest
  readonly send: () => void
  key: number
  sequence: number
  sentAt: number
  busy: boolean
  /** Its connection is gone. */
  lost: boolean
}

/** Closed loop: each caller puts again when it has the answer to its last put. */
export class PutLoad {
  readonly written: WrittenKeys
  readonly #settings: PutLoadSettings
  readonly #doneStatus: number
  readonly #wires: Wire[] = []
  readonly #callers: Caller[] = []
  readonly #statuses = new Map<number, number>()
  readonly #lost: string[] = []
  readonly #latency = new Latencies()
  #puts = 0
  #began = 0
  #cpu = process.cpuUsage()
  #stopping = false
  #busy = 0
  #idle: (() => void) | undefined

  constructor(settings: PutLoadSettings) {
    this.#settings = settings
    this.#doneStatus = settings.dialect === 'etcd-grpc' ? GRPC_OK : 200
    this.written = new WrittenKeys(settings.keys, settings.callers)
  }

  /** Dials all connections, and then sends the first put of every caller. */
  async start(): Promise<void> {
    const { connections } = this.#settings
    for (let first = 0; first < connections; first += DIAL_AT_ONCE) {
      const count = Math.min(DIAL_AT_ONCE, connections - first)
      await Promise.all(Array.from({ length: count }, (_, i) => this.#open(first + i)))
    }
    this.begin()
    for (const caller of this.#callers) this.#put(caller)
  }

  /** Starts a measurement: what was counted up to now is forgotten. */
  begin(): void {
    this.#latency.reset()
    this.#statuses.clear()
    this.#puts = 0
    this.#cpu = process.cpuUsage()
    this.#began = performance.now()
  }

  sample(): PutSample {
    const { user, system } = process.cpuUsage(this.#cpu)
    return {
      puts: this.#puts,
      seconds: (performance.now() - this.#began) / 1000,
      cpuMs: (user + system) / 1000,
      p50Ms: this.#latency.percentileMs(50),
      p99Ms: this.#latency.percentileMs(99),
      maxMs: this.#latency.maxMs,
      statuses: Object.fromEntries(this.#statuses),
      lost: this.#lost,
    }
  }

  /** Resolves when every put in flight has its answer, or has waited for too long for one. */
  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#busy > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
        setTimeout(() => this.#lose(this.#callers, `no answer in ${LAST_ANSWER_MS} ms`), LAST_ANSWER_MS).unref()
      })
    }
    for (const wire of this.#wires) wire.close()
  }

  async #open(connection: number): Promise<void> {
    const { dialect, ports, connections, callers: count, valueBytes, firstSequence } = this.#settings
    const port = ports[connection % ports.length]!
    const callers: Caller[] = []
    const handlers = {
      onAnswer: (slot: number, status: number, body: Uint8Array) => this.#answered(callers[slot]!, status, body),
      onLost: (why: string) => this.#lose(callers, why),
    }
    const wire =
      dialect === 'etcd-grpc' ? await openGrpc({ port, path: GRPC_PUT }, handlers) : await openHttp1(port, handlers)
    this.#wires.push(wire)
    for (let index = connection; index < count; index += connections) {
      const request = putRequest(dialect, `127.0.0.1:${port}`, valueBytes)
      const slot = callers.length
      const send = () => wire.send(slot, request.bytes)
      const caller = { index, request, send, key: 0, sequence: firstSequence, sentAt: 0, busy: false, lost: false }
      callers.push(caller)
      this.#callers.push(caller)
    }
  }

  #put(caller: Caller): void {
    const key = this.written.next(caller.index)
    if (this.#stopping || caller.lost || key === undefined) return
    caller.key = key
    caller.request.fill(key, ++caller.sequence)
    caller.busy = true
    this.#busy++
    caller.sentAt = performance.now()
    caller.send()
  }

  #answered(caller: Caller, status: number, body: Uint8Array): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
    if (status === this.#doneStatus) {
      this.#puts++
      this.#latency.recordMs(performance.now() - caller.sentAt)
      this.written.acknowledge(caller.key, caller.sequence)
      this.#rest(caller)
      this.#put(caller)
      return
    }
    if (!isNotApplied(body)) this.written.doubt(caller.key, caller.sequence)
    this.#rest(caller)
    // One that is refused at once would otherwise fill the server that has to get it out of it.
    setTimeout(() => this.#put(caller), PAUSE_MS)
  }

  #lose(callers: readonly Caller[], why: string): void {
    this.#lost.push(why)
    for (const caller of callers) {
      caller.lost = true
      if (!caller.busy) continue
      this.written.doubt(caller.key, caller.sequence)
      this.#rest(caller)
    }
  }

  #rest(caller: Caller): void {
    caller.busy = false
    this.#busy--
    if (this.#busy === 0) this.#idle?.()
  }
}

/** As examples/kv says it of its failures. */
const isNotApplied = (body: Uint8Array): boolean =>
  Buffer.from(body.buffer, body.byteOffset, body.length).includes('"outcome":"not-applied"')
