import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, test } from '@jest/globals'
import { maxStrangers } from '../../src/net/accepted-links.js'
import type { RefusalCode } from '../../src/net/refusal.js'
import { freePorts, identity, linked, startNode, stopAll, type TestNode, until } from './fixture.js'
import { RawPeer, rawTcp } from './raw-peer.js'

afterEach(stopAll)

const upgrade = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

describe.each(['uws', 'ws'] as const)('a %s listener and strangers', (listener) => {
  let port = 0
  let node: TestNode
  let other: TestNode
  const start = async (options = {}) => {
    const ports = await freePorts(3)
    port = ports[0] ?? 0
    node = await startNode(1, ports, { listener, ...options })
    other = await startNode(2, ports, { listener })
    await linked(node, 1, other, 2)
  }
  const refused = (code: RefusalCode) => node.transport.counters.refused[code]
  const stillWorks = async () => {
    const before = node.frames.length
    expect(other.transport.send(1, Buffer.from('still here'))).toBe('sent')
    await until('a frame of the true peer', () => node.frames.length === before + 1)
    expect(node.frames.every(({ peer }) => peer === 2)).toBe(true)
  }

  test.each([
    ['random bytes', randomBytes(2_000)],
    ['line noise', Buffer.from('\r\n\r\n\0\0\r\n'.repeat(50))],
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['an HTTP body without end', `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n${'x'.repeat(1000)}`],
    ['an endless header', `GET / HTTP/1.1\r\nX: ${'y'.repeat(200_000)}`],
    ['an upgrade on another path', upgrade('/elsewhere')],
    ['a TLS greeting', Buffer.from('16030100f8010000f40303', 'hex')],
    ['an upgrade without a key', upgrade('/shardpaxos/link/1').replace(/Sec-WebSocket-Key.*\r\n/, '')],
  ])('refuses %s', async (_what, bytes) => {
    await start({ handshakeMs: 300 })
    const { socket, isClosed } = rawTcp(port, bytes)
    // What looks like the start of something is left waiting by uWebSockets.js, until its own timeout of 10 s.
    setTimeout(() => socket.destroy(), 1_000)
    await until('the end of the connection', isClosed)
    await until('a count', () => refused('BAD_FRAME') + refused('HANDSHAKE_TIMEOUT') === 1)
    await stillWorks()
  })

  test.each([
    ['an unknown opcode', [0x83, 0x80, 0, 0, 0, 0]],
    ['an unmasked frame', [0x82, 0x05, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]],
    ['reserved bits', [0xf2, 0x81, 0, 0, 0, 0, 1]],
    ['a continuation of nothing', [0x80, 0x81, 0, 0, 0, 0, 1]],
    ['a fragmented ping', [0x09, 0x80, 0, 0, 0, 0]],
    ['a length beyond all bounds', [0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]],
  ])('refuses %s on a WebSocket', async (_what, bytes) => {
    await start()
    const { socket, isClosed } = rawTcp(port, upgrade('/shardpaxos/link/1'))
    socket.once('data', () => socket.write(Buffer.from(bytes)))
    await until('the end of the connection', isClosed)
    await until('a count', () => refused('BAD_FRAME') + refused('TOO_LARGE') === 1)
    await stillWorks()
  })

  test.each([
    ['a text frame', 'hello'],
    ['garbage', Buffer.from([1, 2, 3])],
    ['an empty frame', Buffer.alloc(0)],
    ['a READY', Buffer.from('5350584c040001', 'hex')],
    ['a cut HELLO', Buffer.from('5350584c010002', 'hex')],
  ])('refuses %s in place of HELLO, with a close code', async (_what, frame) => {
    await start()
    const peer = await new RawPeer(port).open()
    peer.ws.send(frame)
    await peer.closed()
    expect([peer.closeCode, peer.closeReason]).toEqual([4008, 'BAD_FRAME'])
    expect(refused('BAD_FRAME')).toBe(1)
    expect(node.refusals).toEqual(['BAD_FRAME'])
    await stillWorks()
  })

  test('refuses a wrong PROOF, and delivers nothing sent behind it', async () => {
    await start()
    const peer = new RawPeer(port)
    const proof = await peer.challenged(identity(3), 1)
    proof[20]! ^= 1
    peer.ws.send(proof)
    peer.ws.send(Buffer.from('not for you'))
    await peer.closed()
    expect([peer.closeCode, peer.closeReason]).toEqual([4002, 'SECRET_MISMATCH'])
    await stillWorks()
  })

  test.each([
    ['a text frame', 'hello', 4008],
    ['an empty frame', Buffer.alloc(0), 4008],
  ])('cuts a proven peer that sends %s', async (_what, frame, code) => {
    await start()
    const peer = await new RawPeer(port).linked(identity(3), 1)
    expect(node.transport.linkState(3).receivable).toBe(true)
    peer.ws.send(frame)
    await peer.closed()
    expect(peer.closeCode).toBe(code)
    expect(node.transport.linkState(3).receivable).toBe(false)
    await stillWorks()
  })

  test('cuts a peer that sends a frame above maxFrameBytes', async () => {
    await start({ maxFrameBytes: 100_000 })
    const peer = await new RawPeer(port).linked(identity(3), 1)
    peer.ws.send(Buffer.alloc(100_000, 7))
    await until('the longest frame', () => node.frames.length === 1)
    node.frames.length = 0
    peer.ws.send(Buffer.alloc(100_001))
    await peer.closed()
    await until('a count', () => refused('TOO_LARGE') === 1)
    expect(node.transport.linkState(3).receivable).toBe(false)
    await stillWorks()
  })

  test('ends handshakes that take too long', async () => {
    await start({ handshakeMs: 200 })
    const silent = await new RawPeer(port).open()
    const halfway = new RawPeer(port)
    await halfway.challenged(identity(3), 1)
    await silent.closed()
    await halfway.closed()
    expect([silent.closeReason, halfway.closeReason]).toEqual(['HANDSHAKE_TIMEOUT', 'HANDSHAKE_TIMEOUT'])
    expect(refused('HANDSHAKE_TIMEOUT')).toBe(2)
    await stillWorks()
  })

  test('lets peers in through a crowd that only holds the door', async () => {
    await start({ handshakeMs: 60_000 })
    const crowd = Array.from({ length: maxStrangers + 40 }, () => new RawPeer(port))
    await Promise.all(crowd.map((peer) => peer.open()))
    await until('the longest waiting give way', () => refused('TOO_MANY') === 40)
    await new RawPeer(port).linked(identity(3), 1)
    expect(node.transport.linkState(3).receivable).toBe(true)
    await stillWorks()
    for (const peer of crowd) peer.ws.terminate()
  })

  test('survives two thousand connections', async () => {
    await start()
    const flood = Array.from({ length: 2_000 }, (_, i) => rawTcp(port, i % 2 ? randomBytes(30) : 'GET / HT'))
    await stillWorks()
    // The system's own queue before `accept` may hold some of them back.
    await until('a thousand of them', () => flood.filter(({ socket }) => !socket.connecting).length >= 1_000)
    for (const { socket } of flood) socket.destroy()
    await until('a count of those', () => refused('BAD_FRAME') + refused('TOO_MANY') >= 1_000)
    // Not a line for each of them.
    expect(node.logs.length).toBeLessThan(60)
    await stillWorks()
  })
})
