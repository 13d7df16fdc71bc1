/**
 * Why a link is refused, and the WebSocket close code that tells the other side. Codes are stable: they are logged, counted
 * and compared by operators and by other versions of this program.
 */
export const refusalCloseCodes = {
  /** Both nodes are born, into different clusters. */
  CLUSTER_MISMATCH: 4001,
  /** The proof does not fit: another secret, or an answer that was made for another handshake. */
  SECRET_MISMATCH: 4002,
  /** The two ranges of protocol versions do not overlap. */
  VERSION_MISMATCH: 4003,
  /** A node id that is not in the configured list, or not the one that was dialed. */
  UNKNOWN_NODE: 4004,
  /** This node's own id: two processes were given the same id, or a peer's address leads back here. */
  SELF: 4005,
  /** A newer link, or a later life, of the same peer is up. */
  SUPERSEDED: 4006,
  /** The handshake was not completed in time. */
  HANDSHAKE_TIMEOUT: 4007,
  /** Bytes that are not this protocol. */
  BAD_FRAME: 4008,
  /** A frame above `maxFrameBytes`. */
  TOO_LARGE: 4009,
  /** More strangers at the door than are let in at one time; the one that waited longest gave way. */
  TOO_MANY: 4010,
} as const

export type RefusalCode = keyof typeof refusalCloseCodes

/** Closed on purpose and without blame: not counted as refusals. */
export const identityChangedCode = 4020
export const stoppingCode = 4021

const byCloseCode = new Map<number, RefusalCode>(
  Object.entries(refusalCloseCodes).map(([code, closeCode]) => [closeCode, code as RefusalCode]),
)
// What a WebSocket library says by itself when a frame breaks the rules of RFC 6455 or the size limit.
for (const closeCode of [1002, 1003, 1007, 1008]) byCloseCode.set(closeCode, 'BAD_FRAME')
byCloseCode.set(1009, 'TOO_LARGE')

/** The refusal that a received close code stands for, if it is one. */
export function refusalOf(closeCode: number): RefusalCode | undefined {
  return byCloseCode.get(closeCode)
}

export function emptyRefusals(): Record<RefusalCode, number> {
  return Object.fromEntries(Object.keys(refusalCloseCodes).map((code) => [code, 0])) as Record<RefusalCode, number>
}
