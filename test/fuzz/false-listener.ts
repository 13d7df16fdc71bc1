import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { type WebSocket, WebSocketServer } from 'ws'
import { Random } from '../../src/base/random.js'
import { ListenerHandshake } from '../../src/net/handshake.js'
import type { LinkIdentity } from '../../src/net/link-identity.js'
import { linkPath } from '../../src/net/listener.js'
import { mutated, recipe } from './mutations.js'

const MOST_FRAMES = 300

/**
 * In place of a node: takes the links that the others dial, and answers as it should, or with changed frames, or with
 * garbage, as a seed says. What honest nodes send on the links that come up is recorded.
 */
export class FalseListener {
  readonly counts = { proper: 0, changed: 0, garbage: 0 }
  readonly #server: WebSocketServer
  readonly #identity: LinkIdentity
  readonly #secret: string
  readonly #random: Random
  readonly #recorded: Uint8Array[]

  constructor(port: number, identity: LinkIdentity, secret: string, seed: number, recorded: Uint8Array[]) {
    this.#identity = identity
    this.#secret = secret
    this.#random = new Random(seed)
    this.#recorded = recorded
    this.#server = new WebSocketServer({ host: '127.0.0.1', port, path: linkPath, perMessageDeflate: false })
    this.#server.on('connection', (ws) => this.#accept(ws))
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate()
    this.#server.close()
  }

  #accept(ws: WebSocket): void {
    const handshake = new ListenerHandshake(this.#identity, this.#secret, randomBytes(32), () => true)
    const mode = (['proper', 'proper', 'changed', 'garbage'] as const)[this.#random.below(4)] ?? 'proper'
    this.counts[mode]++
    const changeAt = mode === 'changed' ? this.#random.below(3) : -1
    let steps = 0
    ws.on('error', () => {})
    ws.on('message', (data) => {
      const bytes = data as Buffer
      const step = steps++
      if (mode === 'garbage') ws.send(randomBytes(1 + this.#random.below(200)))
      else if (step < 2) {
        const answer = step === 0 ? handshake.hello(bytes) : handshake.proof(bytes)
        if ('refused' in answer) ws.close()
        else ws.send(step === changeAt ? this.#changed(answer.reply) : answer.reply)
      } else {
        if (this.#recorded.length < MOST_FRAMES) this.#recorded.push(Uint8Array.from(bytes))
        // A dialer takes no frames.
        if (mode === 'changed') ws.send(this.#changed(bytes))
      }
    })
  }

  #changed(bytes: Uint8Array): Uint8Array {
    return mutated([bytes], fc.sample(recipe, { seed: this.#random.uint32(), numRuns: 1 })[0]!)
  }
}
