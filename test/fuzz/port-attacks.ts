import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { Random } from '../../src/base/random.js'
import { encodeControl } from '../../src/codec/control.js'
import { FrameBuilder } from '../../src/codec/frame.js'
import { encodeChallenge, encodeHello, encodeProof, encodeReady } from '../../src/net/handshake-frames.js'
import type { LinkIdentity } from '../../src/net/link-identity.js'
import { linkPath } from '../../src/net/listener.js'
import { RawPeer } from '../net/raw-peer.js'
import { framesOf, LIMITS, recordMessages } from './corpus.js'
import { mutated, recipe } from './mutations.js'

export interface Target {
  readonly nodeId: number
  readonly port: number
}

/** Longer than a listener needs to answer anything: whoever says nothing until then waits for more. */
const PATIENCE_MS = 30
/** None of them is the witness, by which it is seen that the node still serves. */
const ATTACKED_GROUPS = [0, 1, 3, 65_535]
const UPGRADE =
  `GET ${linkPath} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

/** Attacks of all kinds on the peer port, drawn from one seed. */
export class PortAttacks {
  readonly counts: Record<string, number> = {}
  /** Frames that a real node sent: more of them may come in at any time. */
  readonly frames: Uint8Array[]
  readonly #messages = recordMessages()
  readonly #random: Random
  readonly #peer: LinkIdentity
  readonly #links = new Map<number, Promise<RawPeer>>()
  readonly #kinds: readonly [string, (target: Target) => Promise<void>][] = [
    ['random bytes', (target) => this.#tcp(target, this.#noise(3000))],
    ['a part of an upgrade', (target) => this.#tcp(target, this.#cut(Buffer.from(UPGRADE)))],
    ['a changed upgrade', (target) => this.#tcp(target, this.#changed([Buffer.from(UPGRADE)]))],
    ['noise on a WebSocket', (target) => this.#upgraded(target, [this.#noise(500)])],
    ['a part of a frame', (target) => this.#upgraded(target, [this.#cut(webSocketFrame(this.#frame()))])],
    ['a length beyond all bounds', (target) => this.#upgraded(target, [this.#endlessFrame()])],
    ['a fragmented frame without end', (target) => this.#upgraded(target, this.#fragments())],
    ['a frame of a stranger', (target) => this.#upgraded(target, [webSocketFrame(this.#frame())])],
    ['a changed HELLO', (target) => this.#upgraded(target, [webSocketFrame(this.#changed([this.#hello()]))])],
    ['HELLO and a changed PROOF', (target) => this.#upgraded(target, this.#handshake())],
    ['a stranger who does not know the secret', (target) => this.#stranger(target)],
    ['changed frames of a peer', (target) => this.#asPeer(target, () => this.#changed(this.frames))],
    ['changed messages of a peer', (target) => this.#asPeer(target, () => this.#changedMessages())],
    ['changed control frames of a peer', (target) => this.#asPeer(target, () => this.#changedControl())],
    ['a peer that breaks RFC 6455', (target) => this.#asPeer(target, () => undefined)],
  ]

  constructor(seed: number, peer: LinkIdentity) {
    this.#random = new Random(seed)
    this.#peer = peer
    this.frames = framesOf(this.#messages)
  }

  /** The next one; resolves when it is over. */
  async next(targets: readonly Target[]): Promise<void> {
    const [kind, attack] = this.#pick(this.#kinds)
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
    await attack(this.#pick(targets))
  }

  /** Every kind once, on every target. */
  async each(targets: readonly Target[]): Promise<void> {
    for (const [kind, attack] of this.#kinds) {
      this.counts[kind] = (this.counts[kind] ?? 0) + 1
      for (const target of targets) await attack(target)
    }
  }

  async close(): Promise<void> {
    for (const link of this.#links.values()) (await link).ws.terminate()
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T
  }

  #noise(most: number): Uint8Array {
    return Uint8Array.from({ length: 1 + this.#random.below(most) }, () => this.#random.below(256))
  }

  #cut(bytes: Uint8Array): Uint8Array {
    return bytes.subarray(0, this.#random.below(bytes.length))
  }

  #changed(corpus: readonly Uint8Array[]): Uint8Array {
    return mutated(corpus, fc.sample(recipe, { seed: this.#random.uint32(), numRuns: 1 })[0]!)
  }

  #frame(): Uint8Array {
    return this.#pick(this.frames)
  }

  #hello(): Uint8Array {
    return encodeHello({ identity: this.#peer, nonce: randomBytes(32) })
  }

  #handshake(): Uint8Array[] {
    const hello = this.#hello()
    const answers = [
      encodeProof(randomBytes(32)),
      encodeReady(1),
      encodeChallenge({ identity: this.#peer, nonce: randomBytes(32), proof: randomBytes(32) }),
    ]
    return [webSocketFrame(hello), webSocketFrame(this.#changed(answers)), webSocketFrame(this.#frame())]
  }

  #endlessFrame(): Uint8Array {
    const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    head.writeBigUInt64BE(this.#pick([0xffff_ffffn, 0x7fff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn, 64n << 20n]), 2)
    return Buffer.concat([head, this.#noise(200)])
  }

  #fragments(): Uint8Array[] {
    const parts = Array.from({ length: 20 }, () => webSocketFrame(this.#noise(2000), 0x00))
    return [webSocketFrame(this.#hello(), 0x02), ...parts]
  }

  /** Sound frames, in which a message is not what it was. */
  #changedMessages(): Uint8Array {
    const builder = new FrameBuilder(LIMITS)
    for (let i = this.#random.below(4); i >= 0; i--) {
      const message = this.#changed(this.#messages.map(({ bytes }) => bytes))
      builder.append(this.#pick(ATTACKED_GROUPS), message, 0, message.length)
    }
    return builder.take()
  }

  #changedControl(): Uint8Array {
    const answer = { kind: 'genesis-answer', voterId: this.#peer.voterId, nodes: [1, 2, 3], genesis: null }
    const all = [{ kind: 'genesis-ask' }, answer, { kind: 'x'.repeat(300) }, [1, [2, [3]]]]
    return this.#changed(all.map((one) => encodeControl(one, LIMITS)))
  }

  #tcp(target: Target, bytes: Uint8Array): Promise<void> {
    return conversation(target, (socket) => {
      socket.write(bytes)
    })
  }

  /** As many bytes as it likes, once the listener has agreed to a WebSocket. */
  #upgraded(target: Target, parts: readonly Uint8Array[]): Promise<void> {
    return conversation(target, (socket) => {
      socket.write(UPGRADE)
      socket.once('data', () => {
        for (const part of parts) socket.write(part)
      })
    })
  }

  async #stranger(target: Target): Promise<void> {
    const peer = new RawPeer(target.port)
    await peer.challenged(this.#peer, target.nodeId, 'another secret').catch(() => undefined)
    if (peer.ws.readyState === peer.ws.OPEN) peer.ws.send(this.#frame())
    peer.ws.terminate()
  }

  /** A peer that has shown that it knows the secret. Without a frame, it sends bytes that are none. */
  async #asPeer(target: Target, frame: () => Uint8Array | undefined): Promise<void> {
    const { ws } = await this.#link(target)
    for (let i = 0; i < 10; i++) {
      const bytes = frame()
      if (bytes !== undefined && ws.readyState === ws.OPEN) ws.send(bytes)
      if (bytes !== undefined) continue
      const { _socket: socket } = ws as unknown as { _socket: Socket }
      socket.write(this.#noise(400))
      break
    }
    // What was sent has arrived when a later ping is answered; or the link is cut; or the listener waits for the rest of a frame.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, PATIENCE_MS)
      function done(): void {
        clearTimeout(timer)
        ws.off('pong', done)
        ws.off('close', done)
        resolve()
      }
      ws.on('pong', done)
      ws.on('close', done)
      if (ws.readyState === ws.OPEN) ws.ping()
      else done()
    })
  }

  /** One at a time for each node: of two that are made at once, one is superseded. */
  #link({ nodeId, port }: Target): Promise<RawPeer> {
    const before = this.#links.get(nodeId) ?? Promise.resolve(undefined)
    const link = before.then((known) => {
      if (known !== undefined && known.ws.readyState === known.ws.OPEN) return known
      return new RawPeer(port).linked(this.#peer, nodeId)
    })
    this.#links.set(nodeId, link)
    return link
  }
}

/** A client's frame of RFC 6455 under a mask of zeros: opcode and the bit that says that it is the last one. */
function webSocketFrame(payload: Uint8Array, first = 0x82): Uint8Array {
  const { length } = payload
  const head = length < 126 ? Buffer.alloc(6) : Buffer.alloc(8)
  head[0] = first
  head[1] = 0x80 | Math.min(length, 126)
  if (length >= 126) head.writeUInt16BE(Math.min(length, 65_535), 2)
  return Buffer.concat([head, payload])
}

/** A connection that is over when the listener ends it, or when neither has more to say. */
function conversation(target: Target, say: (socket: Socket) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(target.port, '127.0.0.1', () => say(socket))
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
    socket.on('data', () => {})
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
}
