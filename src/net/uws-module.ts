import { createRequire } from 'node:module'

/*
 * The part of uWebSockets.js that is used here, in our own words: the package is optional, so its types may be absent, and
 * they lack `filter` and the four-argument `listen`.
 */
export interface UwsSocket<Data> {
  send(message: Uint8Array, isBinary: boolean): number
  end(code: number, reason: string): void
  close(): void
  getUserData(): Data
  getRemoteAddressAsText(): ArrayBuffer
}
interface UwsResponse {
  upgrade(data: unknown, key: string, protocol: string, extensions: string, context: unknown): void
  close(): void
  getRemoteAddressAsText(): ArrayBuffer
}
interface UwsRequest {
  getHeader(lowerCaseName: string): string
}
interface UwsBehavior<Data> {
  maxPayloadLength: number
  maxBackpressure: number
  /** Seconds. */
  idleTimeout: number
  sendPingsAutomatically: boolean
  compression: number
  upgrade(response: UwsResponse, request: UwsRequest, context: unknown): void
  open(socket: UwsSocket<Data>): void
  message(socket: UwsSocket<Data>, message: ArrayBuffer, isBinary: boolean): void
  close(socket: UwsSocket<Data>, code: number, message: ArrayBuffer): void
}
interface UwsApp {
  ws<Data>(path: string, behavior: UwsBehavior<Data>): UwsApp
  any(path: string, handler: (response: UwsResponse) => void): UwsApp
  /** `change` is 1 for a new TCP connection and -1 for one that ends without having been upgraded. */
  filter(handler: (response: UwsResponse, change: number) => void): UwsApp
  listen(host: string, port: number, options: number, done: (token: unknown) => void): UwsApp
  close(): UwsApp
}
export interface Uws {
  App(): UwsApp
  DISABLED: number
  LIBUS_LISTEN_EXCLUSIVE_PORT: number
  us_listen_socket_close(token: unknown): void
  us_socket_local_port(token: unknown): number
}

/** Answers the reason instead where the package is absent or has no binary for this platform. */
export function tryLoadUws(): Uws | { readonly unavailable: string } {
  try {
    const require = createRequire(import.meta.url)
    return require('uWebSockets.js') as Uws
  } catch (error) {
    return { unavailable: String((error as Error).message).split('\n')[0] ?? '' }
  }
}
