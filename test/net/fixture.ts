import { createServer } from 'node:net'
import { createTransport } from '../../src/net/create-transport.js'
import type { LinkIdentity } from '../../src/net/link-identity.js'
import type { RefusalCode } from '../../src/net/refusal.js'
import type { LinkState, Transport, TransportOptions } from '../../src/net/transport.js'

const deadlineMs = 10_000

/** Waits for a condition; a test that never sees it fails with `what`. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

let lives = 0

export function identity(nodeId: number, changes: Partial<LinkIdentity> = {}): LinkIdentity {
  return {
    clusterId: 'cluster-a',
    nodeId,
    voterId: nodeId.toString(16).padStart(16, '0'),
    incarnation: (++lives).toString(16).padStart(16, 'a'),
    groupCount: 4,
    protocolMin: 1,
    protocolMax: 1,
    ...changes,
  }
}

/** A transport with everything it was told, in order. */
export interface TestNode {
  readonly transport: Transport
  readonly frames: { peer: number; frame: Uint8Array }[]
  readonly links: LinkState[]
  readonly refusals: RefusalCode[]
  readonly logs: string[]
  drains: number
}

export type Options = Partial<Omit<TransportOptions, 'handlers' | 'logger'>> & { keepFrames?: boolean }

const running = new Set<Transport>()

export function makeNode(nodeId: number, ports: readonly number[], options: Options = {}): TestNode {
  const address = (id: number) => ({ nodeId: id, host: '127.0.0.1', port: ports[id - 1] ?? 0 })
  const log = (_fields: object, message: string) => node.logs.push(message)
  const transport = createTransport({
    self: identity(nodeId),
    listen: address(nodeId),
    peers: ports.map((_, index) => address(index + 1)),
    clusterSecret: 'secret',
    listener: 'ws',
    linkBytes: 4 * 1024 * 1024,
    maxFrameBytes: 8 * 1024 * 1024,
    reconnectMinMs: 20,
    reconnectMaxMs: 200,
    handshakeMs: 2_000,
    keepAliveMs: 10_000,
    random: Math.random,
    logger: { info: log, warn: log },
    handlers: {
      onFrame(peer, frame) {
        if (options.keepFrames !== false) node.frames.push({ peer, frame: frame.slice() })
      },
      onLink: (_peer, state) => node.links.push(state),
      onRefused: (reason) => node.refusals.push(reason),
      onDrain: () => node.drains++,
    },
    ...options,
  })
  const node: TestNode = { transport, frames: [], links: [], refusals: [], logs: [], drains: 0 }
  running.add(transport)
  return node
}

export async function startNode(nodeId: number, ports: readonly number[], options: Options = {}): Promise<TestNode> {
  const node = makeNode(nodeId, ports, options)
  await node.transport.start()
  return node
}

/** For `afterEach`. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((transport) => transport.stop()))
  running.clear()
}

export function isLinked(node: TestNode, peer: number): boolean {
  const state = node.transport.linkState(peer)
  return state.sendable && state.receivable
}

export async function linked(a: TestNode, idA: number, b: TestNode, idB: number): Promise<void> {
  await until(`nodes ${idA} and ${idB} are linked`, () => isLinked(a, idB) && isLinked(b, idA))
}
