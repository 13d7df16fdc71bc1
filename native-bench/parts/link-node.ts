import { PROTOCOL_VERSIONS } from '../../src/codec/frame.js'
import { createTransport } from '../../src/net/create-transport.js'
import type { Transport, TransportHandlers } from '../../src/net/transport.js'

export interface LinkSettings {
  readonly nodeId: number
  /** Of nodes 1 and 2. */
  readonly ports: readonly number[]
}

const LINK_BYTES = 8 * 1024 * 1024
const MAX_FRAME_BYTES = 16 * 1024 * 1024

/** One of two nodes with nothing behind their links. */
export function linkNode({ nodeId, ports }: LinkSettings, handlers: Partial<TransportHandlers>): Transport {
  const peers = ports.map((port, i) => ({ nodeId: i + 1, host: '127.0.0.1', port }))
  const name = nodeId.toString(16).padStart(16, '0')
  return createTransport({
    self: {
      ...{ clusterId: 'parts', nodeId, voterId: name, incarnation: name, groupCount: 1 },
      ...{ protocolMin: PROTOCOL_VERSIONS.min, protocolMax: PROTOCOL_VERSIONS.max },
    },
    listen: peers[nodeId - 1]!,
    peers,
    clusterSecret: 'a secret for benchmarks only',
    listener: 'auto',
    ...{ linkBytes: LINK_BYTES, maxFrameBytes: MAX_FRAME_BYTES },
    ...{ reconnectMinMs: 20, reconnectMaxMs: 200, handshakeMs: 5_000, keepAliveMs: 10_000 },
    logger: { info: () => undefined, warn: (_, message) => console.error(message) },
    handlers: {
      onFrame: () => undefined,
      onLink: () => undefined,
      onRefused: (reason) => console.error(`a link was refused: ${reason}`),
      onDrain: () => undefined,
      ...handlers,
    },
    random: Math.random,
  })
}
