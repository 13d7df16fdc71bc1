import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { type RawData, WebSocket } from 'ws'
import { DialerHandshake } from '../../src/net/handshake.js'
import type { LinkIdentity } from '../../src/net/link-identity.js'
import { linkPath } from '../../src/net/listener.js'
import { until } from './fixture.js'

/** A WebSocket in the test's own hands: it says what the test wants, when it wants. */
export class RawPeer {
  readonly ws: WebSocket
  readonly received: Buffer[] = []
  closeCode = 0
  closeReason = ''

  constructor(port: number, path = linkPath) {
    this.ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false })
    this.ws.on('message', (data: RawData) => this.received.push(data as Buffer))
    this.ws.on('error', () => {})
    this.ws.on('close', (code, reason) => {
      this.closeCode = code
      this.closeReason = reason.toString()
    })
  }

  async open(): Promise<this> {
    await until('an open WebSocket', () => this.ws.readyState !== WebSocket.CONNECTING)
    return this
  }

  async closed(): Promise<void> {
    await until('a closed WebSocket', () => this.closeCode !== 0)
  }

  /** Up to the PROOF, which is answered and not sent. */
  async challenged(self: LinkIdentity, dialed: number, secret = 'secret'): Promise<Uint8Array> {
    await this.open()
    const handshake = new DialerHandshake(self, dialed, secret, randomBytes(32))
    this.ws.send(handshake.hello())
    await until('a CHALLENGE', () => this.received.length === 1)
    const answer = handshake.challenge(this.received[0]!)
    if ('refused' in answer) throw new Error(answer.refused)
    return answer.reply
  }

  async linked(self: LinkIdentity, dialed: number): Promise<this> {
    this.ws.send(await this.challenged(self, dialed))
    await until('READY', () => this.received.length === 2)
    return this
  }
}

/** A bare TCP connection that sends `bytes` and keeps quiet. */
export function rawTcp(port: number, bytes: string | Uint8Array): { socket: Socket; isClosed: () => boolean } {
  let closed = false
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
  socket.on('error', () => {})
  socket.on('data', () => {})
  socket.on('close', () => {
    closed = true
  })
  return { socket, isClosed: () => closed }
}
