/** One connection of a load, whatever it speaks. */
export interface Wire {
  /** `slot`: which of the connection's callers sends. It has no other request in flight, and leaves the bytes alone until its answer. */
  send(slot: number, request: Uint8Array): void
  close(): void
}

export interface WireHandlers {
  /**
   * `status`: of HTTP, or of gRPC where that is spoken. `body` and `head`, all before the body and empty with gRPC, are views
   * that are void after the call.
   */
  onAnswer(slot: number, status: number, body: Uint8Array, head: Buffer): void
  /** The connection is gone, with every request in flight on it. Called once, never after `close`. */
  onLost(why: string): void
}

/**
 * What all connections of a process read into, one after the other: `onread` hands over its bytes within the event, so
 * that no stream and no buffer per chunk is made. It halves what a request costs the load.
 */
export const readBuffer = Buffer.allocUnsafe(256 * 1024)
