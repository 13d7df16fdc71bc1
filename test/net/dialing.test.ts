import { createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { BackOff } from '../../src/net/back-off.js'
import { KeepAlive } from '../../src/net/keep-alive.js'
import type { ListenerOptions } from '../../src/net/listener.js'
import { idleSeconds } from '../../src/net/listener-uws.js'
import { openListener } from '../../src/net/open-listener.js'
import { freePorts, identity, makeNode, startNode, stopAll, until } from './fixture.js'

const servers: { close(): void }[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  await stopAll()
})

/** A server that upgrades every connection, once it may, and keeps what it is sent. */
async function bareServer(mayUpgrade = Promise.resolve()) {
  const sockets: Socket[] = []
  let received = Buffer.alloc(0)
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', async (request) => {
      await mayUpgrade
      const key = /Sec-WebSocket-Key: (\S+)/i.exec(request.toString())?.[1] ?? ''
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      socket.write(
        `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      )
      socket.on('data', (data) => {
        received = Buffer.concat([received, data])
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bare = {
    port: (server.address() as { port: number }).port,
    received: () => received,
    sockets,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
  servers.push(bare)
  return bare
}

test('frames leave under an all-zero mask: the bytes on the wire are the frame', async () => {
  const server = await bareServer()
  const ports = await freePorts(1)
  await startNode(1, [ports[0] ?? 0, server.port])
  await until('HELLO', () => server.received().length > 12)
  expect(server.received().subarray(0, 2)).toEqual(Buffer.from([0x82, 0x80 | (server.received().length - 6)]))
  expect(server.received().subarray(2, 11)).toEqual(Buffer.from('000000005350584c01', 'hex'))
})

test('an identity that changes while a peer is dialed is told on that connection', async () => {
  let upgrade = () => {}
  const server = await bareServer(new Promise((resolve) => (upgrade = resolve)))
  const ports = await freePorts(1)
  const self = identity(1, { clusterId: '' })
  const node = await startNode(1, [ports[0] ?? 0, server.port], { self })
  await until('a connection', () => server.sockets.length === 1)
  node.transport.setIdentity({ ...self, clusterId: 'born' })
  upgrade()
  await until('HELLO', () => server.received().length > 12)
  expect(server.received().toString('latin1')).toContain('born')
  expect(server.sockets.length).toBe(1)
})

test('a server that never answers the handshake is left, and tried again', async () => {
  const server = await bareServer()
  const ports = await freePorts(1)
  const node = await startNode(1, [ports[0] ?? 0, server.port], { handshakeMs: 100 })
  await until('a second attempt', () => server.sockets.length > 1)
  expect(node.refusals[0]).toBe('HANDSHAKE_TIMEOUT')
})

test('an answer that is not of this protocol is refused', async () => {
  const server = await bareServer()
  const ports = await freePorts(1)
  const node = await startNode(1, [ports[0] ?? 0, server.port])
  await until('HELLO', () => server.received().length > 12)
  server.sockets[0]?.write(Buffer.from([0x82, 0x03, 1, 2, 3]))
  await until('refused', () => node.refusals.includes('BAD_FRAME'))
})

test('frames that could never be sent, and identities and addresses that could never work, are refused at once', async () => {
  const node = makeNode(1, [1, 2])
  expect(() => node.transport.send(2, new Uint8Array())).toThrow('a frame of 0 bytes')
  expect(() => node.transport.send(2, new Uint8Array(9 * 1024 * 1024))).toThrow('cannot be sent')
  expect(() => makeNode(1, [], { self: identity(1, { incarnation: 'short' }) })).toThrow('16 lower-case hex digits')
  expect(() => makeNode(1, [], { peers: [{ nodeId: 2, host: 'a b', port: 70_000 }] })).toThrow(
    'Node 2 cannot be dialed',
  )
})

test('a transport stopped before it listened says so', async () => {
  const node = makeNode(1, await freePorts(1))
  const started = node.transport.start()
  await Promise.all([expect(started).rejects.toMatchObject({ code: 'TRANSPORT_STOPPED' }), node.transport.stop()])
})

describe('where uWebSockets.js does not load', () => {
  const options: ListenerOptions = {
    host: '127.0.0.1',
    port: 0,
    maxFrameBytes: 1000,
    handshakeMs: 100,
    keepAliveMs: 1000,
    maxConnecting: 10,
    accept: () => ({ message: () => {}, closed: () => {} }),
    junk: () => {},
  }
  const warnings: string[] = []
  const logger = { info: () => {}, warn: (_fields: object, message: string) => warnings.push(message) }
  const absent = () => ({ unavailable: 'no binary for this platform' })

  test("'auto' listens with ws after one warning", async () => {
    const listener = await openListener('auto', logger, options, absent)
    expect(listener.kind).toBe('ws')
    expect(listener.port).toBeGreaterThan(0)
    expect(warnings).toEqual([expect.stringContaining('no binary for this platform')])
    await listener.close()
  })

  test("'uws' is refused", async () => {
    await expect(openListener('uws', logger, options, absent)).rejects.toMatchObject({ code: 'UWS_UNAVAILABLE' })
  })
})

test('back-offs double up to their bound, with jitter, and start again after a stable link', () => {
  const backOff = new BackOff(20, 200, () => 1)
  expect([1, 2, 3, 4, 5, 6].map(() => backOff.failed())).toEqual([20, 40, 80, 160, 200, 200])
  expect([1, 2, 3, 4, 5, 6, 7].map(() => backOff.refused())).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000])
  backOff.reset()
  expect([backOff.failed(), backOff.refused()]).toEqual([20, 250])
  expect(new BackOff(20, 200, () => 0).failed()).toBe(10)
})

test('idle seconds of uWebSockets.js are three intervals, in its steps and bounds', () => {
  expect([100, 10_000, 4_100, 10_000_000].map(idleSeconds)).toEqual([8, 32, 16, 960])
})

describe('keep-alive', () => {
  beforeEach(() => {
    jest.useFakeTimers()
  })
  afterEach(() => {
    jest.useRealTimers()
  })

  test('cuts after three silent intervals, and not while anything is heard or bytes flow', () => {
    let pings = 0
    let cuts = 0
    let written = 0
    const link = { ping: () => pings++, cut: () => cuts++, progress: () => written }
    const keepAlive = new KeepAlive(1_000, link)
    const pass = (seconds: number, action: () => void = () => {}) => {
      for (let i = 0; i < seconds; i++) {
        action()
        jest.advanceTimersByTime(1_000)
      }
    }
    pass(10, () => keepAlive.heard())
    pass(10, () => written++)
    expect([pings, cuts]).toEqual([20, 0])
    pass(2)
    expect(cuts).toBe(0)
    pass(1)
    expect(cuts).toBe(1)
    keepAlive.stop()
  })
})
