import type { NodeId } from '../base/numbers.js'
import type { Secret } from './handshake.js'
import type { LinkIdentity, PeerAddress } from './link-identity.js'
import type { RefusalCode } from './refusal.js'

/*
 * Frames between nodes: one WebSocket link per direction and pair. A node dials each peer and sends on that link only; it
 * receives on the links that it accepted. Frames of one link arrive once, in order, whole; when a link goes down, what was on
 * its way may be lost, and nothing is sent again. What is on the wire stands in docs/wire.md.
 */

/** The links with one peer, as of now. */
export interface LinkState {
  /** The dialed link is up: `send` takes frames. */
  readonly sendable: boolean
  /** An accepted link is up: frames may arrive. */
  readonly receivable: boolean
  /** The peer's present life, from its last completed handshake; kept while the links are down. */
  readonly identity: LinkIdentity | undefined
  /** The protocol version of the links; 0 before the first handshake. */
  readonly version: number
}

/** Called on the thread of the sockets, never from within `createTransport`. */
export interface TransportHandlers {
  /** The bytes are valid during the call only: copy what is kept. */
  onFrame(peer: NodeId, frame: Uint8Array): void
  /** At every change. A new `incarnation` means that the peer was restarted: no frame of its former life follows. */
  onLink(peer: NodeId, state: LinkState): void
  /** A link was refused, by this side or the other. `remote` is an address, for people. */
  onRefused(reason: RefusalCode, remote: string): void
  /** After `send` answered 'full': half of `linkBytes` is free again. Not called when the link went down instead. */
  onDrain(peer: NodeId): void
}

export interface TransportCounters {
  framesIn: number
  framesOut: number
  bytesIn: number
  bytesOut: number
  /** Frames of a link that had been replaced: not delivered. */
  framesDropped: number
  /** Times that `send` answered 'full'. */
  sendsFull: number
  /** Dialed links that came up again after they had been up before. */
  reconnects: number
  /** Refusals by this side and by the others. */
  refused: Record<RefusalCode, number>
}

/** A part of pino's shape. */
export interface NetLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export type ListenerChoice = 'auto' | 'uws' | 'ws'

export interface TransportOptions {
  readonly self: LinkIdentity
  /** Where to listen; port 0 takes a free one (see `Transport.port`). Its `nodeId` is not looked at. */
  readonly listen: PeerAddress
  /** All nodes that may link; this node's own id among them is skipped. */
  readonly peers: readonly PeerAddress[]
  /** Without one, it is the empty secret: the proof then shows a fresh connection and nothing more. */
  readonly clusterSecret: Secret | undefined
  /** 'auto': uWebSockets.js, or `ws` with one warning where its binary does not load. */
  readonly listener: ListenerChoice
  /** Bytes that may wait in this process for one peer; above, `send` answers 'full'. */
  readonly linkBytes: number
  /** The longest frame sent or taken. The same on all nodes. */
  readonly maxFrameBytes: number
  readonly reconnectMinMs: number
  readonly reconnectMaxMs: number
  /** From the connection to the completed handshake. (uWebSockets.js gives the HTTP request before it 10 s of its own.) */
  readonly handshakeMs: number
  /** Pings at this interval; a link that stays silent for three of them is cut. uWebSockets.js rounds up to 4 s. */
  readonly keepAliveMs: number
  /** For benchmarks: half of it is added to the way of each frame sent. */
  readonly rttMs?: number
  readonly logger: NetLogger
  readonly handlers: TransportHandlers
  /** In 0..1, for the jitter of back-offs. */
  readonly random: () => number
}

export interface Transport {
  /** The port listened on; 0 before `start` has resolved. */
  readonly port: number
  /** Which listener runs; undefined before `start` has resolved. */
  readonly listener: 'uws' | 'ws' | undefined
  readonly counters: Readonly<TransportCounters>
  /** Listens, then dials all peers. Rejects with a `NetError` whose message says what to do. */
  start(): Promise<void>
  /**
   * 'sent': taken. The transport now **owns** the frame, without a copy: its bytes must not change again, not by the caller
   * and not through another view of the same memory. It may still be lost with the link.
   * 'full': more than `linkBytes` wait; the frame was not taken. `onDrain` follows.
   * 'down': there is no link; the frame was not taken. `onLink` follows when there is one.
   * An empty frame, or one above `maxFrameBytes`, is a defect of the caller and throws.
   */
  send(peer: NodeId, frame: Uint8Array): 'sent' | 'full' | 'down'
  /**
   * After birth, when the cluster id is known. If anything changed, all links are made anew under the new identity: frames
   * sent before leave first, frames on their way here may be lost, peers dial again at once.
   */
  setIdentity(identity: LinkIdentity): void
  linkState(peer: NodeId): LinkState
  /** Sends what waits (for a second at most), closes all links and the port. Nothing is called back after it resolved. */
  stop(): Promise<void>
}
