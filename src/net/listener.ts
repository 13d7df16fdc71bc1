import type { RefusalCode } from './refusal.js'

/** The path of a peer's upgrade request; the number changes with the format of the handshake. */
export const linkPath = '/shardpaxos/link/1'

/** One accepted WebSocket, whatever library accepted it. */
export interface InboundSocket {
  /** The other side's IP address. */
  readonly remote: string
  /** A handshake frame; frames of the protocol never go this way. */
  send(bytes: Uint8Array): void
  /** Sends a close frame and is done: no `message` follows. A second call does nothing. */
  close(code: number, reason: string): void
  /** Cuts without a word: for strangers that had their time. */
  cut(): void
  /** The handshake is completed: the limits for strangers end. */
  trust(): void
}

/** What the rest of `net` does with an accepted WebSocket. */
export interface InboundHandler {
  /** The bytes are void after the call. */
  message(bytes: Uint8Array, binary: boolean): void
  /** Once, at the end, whoever ended it. `broken`: how it broke the rules, where the library says so. */
  closed(code: number, broken: RefusalCode | undefined): void
}

export interface ListenerOptions {
  readonly host: string
  readonly port: number
  readonly maxFrameBytes: number
  readonly handshakeMs: number
  readonly keepAliveMs: number
  /** TCP connections that may be open without having become a WebSocket. */
  readonly maxConnecting: number
  accept(socket: InboundSocket): InboundHandler
  /** A connection ended without ever having been a WebSocket on the right path. */
  junk(reason: RefusalCode, remote: string): void
}

/** A listening port. The contract suite in test/net runs against every implementation. */
export interface Listener {
  readonly kind: 'uws' | 'ws'
  readonly port: number
  /** Takes no more connections. */
  stopListening(): void
  /** Cuts what is left. */
  close(): Promise<void>
}
