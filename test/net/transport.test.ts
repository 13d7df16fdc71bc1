import { afterEach, describe, expect, test } from '@jest/globals'
import { NetError } from '../../src/net/net-error.js'
import { freePorts, identity, isLinked, linked, makeNode, startNode, stopAll, until } from './fixture.js'

const text = (frame: Uint8Array): string => Buffer.from(frame).toString()
const bytes = (value: string): Uint8Array => Buffer.from(value)

afterEach(stopAll)

// The same cases on both listeners, and on a cluster that has one of each.
const pairs = [
  ['uws', 'uws'],
  ['ws', 'ws'],
  ['ws', 'uws'],
] as const

describe.each(pairs)('links between a %s and a %s listener', (one, two) => {
  const start = async (options = {}) => {
    const ports = await freePorts(2)
    const a = await startNode(1, ports, { listener: one, ...options })
    const b = await startNode(2, ports, { listener: two, ...options })
    await linked(a, 1, b, 2)
    return { ports, a, b }
  }

  test('come up in both directions and tell who is there', async () => {
    const { a, b } = await start()
    expect(a.transport.listener).toBe(one)
    expect(a.transport.linkState(2)).toMatchObject({ version: 1, identity: { nodeId: 2, clusterId: 'cluster-a' } })
    expect(b.transport.linkState(1).identity?.groupCount).toBe(4)
    expect(a.refusals).toEqual([])
    expect(b.refusals).toEqual([])
  })

  test('keep the order of frames, small and big', async () => {
    const { a, b } = await start({ linkBytes: 256 * 1024 * 1024 })
    const sizes = [1, 125, 126, 200, 65_535, 65_536, 3_000_000, 8 * 1024 * 1024]
    for (let i = 0; i < 400; i++) {
      const frame = Buffer.alloc(Math.max(4, sizes[i % 50] ?? 300), i & 255)
      frame.writeUInt32BE(i)
      expect(a.transport.send(2, frame)).toBe('sent')
    }
    await until('all frames', () => b.frames.length === 400)
    b.frames.forEach(({ peer, frame }, i) => {
      expect(peer).toBe(1)
      expect(Buffer.from(frame).readUInt32BE()).toBe(i)
      expect(frame.length).toBe(Math.max(4, sizes[i % 50] ?? 300))
      expect(frame.subarray(4).every((byte) => byte === (i & 255))).toBe(true)
    })
    expect(b.transport.counters.framesIn).toBe(400)
    expect(b.transport.counters.bytesIn).toBe(a.transport.counters.bytesOut)
  })

  test('answer full above linkBytes, take nothing then, and tell when there is room', async () => {
    const { a, b } = await start({ linkBytes: 1024 * 1024, keepFrames: false })
    let sent = 0
    while (a.transport.send(2, Buffer.alloc(64 * 1024)) === 'sent') sent++
    expect(sent).toBeGreaterThanOrEqual(15)
    expect(a.transport.counters.sendsFull).toBe(1)
    await until('drain', () => a.drains === 1)
    expect(a.transport.send(2, bytes('again'))).toBe('sent')
    await until('all taken frames', () => b.transport.counters.framesIn === sent + 1)
  })

  test('come up again after the peer was restarted, under its new incarnation', async () => {
    const { ports, a, b } = await start()
    const former = a.transport.linkState(2).identity
    await b.transport.stop()
    await until('down', () => !a.transport.linkState(2).sendable && !a.transport.linkState(2).receivable)
    expect(a.transport.send(2, bytes('lost'))).toBe('down')
    expect(a.transport.linkState(2).identity).toEqual(former)
    const again = await startNode(2, ports, { listener: two })
    await linked(a, 1, again, 2)
    expect(a.transport.linkState(2).identity?.incarnation).not.toBe(former?.incarnation)
    expect(a.transport.counters.reconnects).toBe(1)
    again.transport.send(1, bytes('hello'))
    a.transport.send(2, bytes('welcome'))
    await until('frames', () => a.frames.length === 1 && again.frames.length === 1)
    expect(text(again.frames[0]!.frame)).toBe('welcome')
  })

  test('are made anew when a cluster id becomes known, and lose nothing sent before', async () => {
    const ports = await freePorts(2)
    const ids = [identity(1, { clusterId: '' }), identity(2, { clusterId: '' })] as const
    const a = await startNode(1, ports, { listener: one, self: ids[0] })
    const b = await startNode(2, ports, { listener: two, self: ids[1] })
    await linked(a, 1, b, 2)
    // More than the system takes at once: a part still waits in this process when the links are closed.
    for (let i = 0; i < 6; i++) expect(a.transport.send(2, Buffer.alloc(500_000, i + 1))).toBe('sent')
    a.transport.setIdentity({ ...ids[0], clusterId: 'born' })
    expect(a.transport.send(2, bytes('not now'))).toBe('down')
    await until('b hears of the birth', () => isLinked(b, 1) && b.transport.linkState(1).identity?.clusterId === 'born')
    // b may learn it on the link that it dialed, while the former one still brings the frames.
    await until('the frames sent before', () => b.frames.length === 6)
    expect(b.frames.map(({ frame }) => frame[499_999])).toEqual([1, 2, 3, 4, 5, 6])
    b.transport.setIdentity({ ...ids[1], clusterId: 'born' })
    await until('a hears of the birth', () => isLinked(a, 2) && a.transport.linkState(2).identity?.clusterId === 'born')
    await linked(a, 1, b, 2)
    a.transport.send(2, bytes('works'))
    await until('frame', () => b.frames.length === 7)
    expect([...a.refusals, ...b.refusals].filter((reason) => reason !== 'SUPERSEDED')).toEqual([])
  })

  test('come up again at once when all nodes of a cluster are born together', async () => {
    const ports = await freePorts(3)
    const ids = [1, 2, 3].map((id) => identity(id, { clusterId: '' }))
    const nodes = await Promise.all(
      ids.map((self, i) => startNode(i + 1, ports, { listener: i % 2 ? two : one, self, reconnectMinMs: 50 })),
    )
    const allLinked = () => nodes.every((node, i) => ids.every((_, j) => i === j || isLinked(node, j + 1)))
    await until('a mesh', allLinked)
    for (const [i, node] of nodes.entries()) node.transport.setIdentity({ ...ids[i]!, clusterId: 'born' })
    const born = () =>
      nodes.every((node, i) =>
        ids.every((_, j) => i === j || node.transport.linkState(j + 1).identity?.clusterId === 'born'),
      )
    await until('a mesh of the born', () => born() && allLinked())
    expect(nodes.flatMap((node) => node.refusals).filter((reason) => reason !== 'SUPERSEDED')).toEqual([])
  })

  test('hold each frame back in order when a distance is asked for', async () => {
    const { a, b } = await start({ rttMs: 60 })
    const began = Date.now()
    for (let i = 0; i < 100; i++) a.transport.send(2, bytes(String(i)))
    await until('frames', () => b.frames.length === 100)
    expect(Date.now() - began).toBeGreaterThanOrEqual(29)
    expect(b.frames.map(({ frame }) => Number(text(frame)))).toEqual([...Array(100).keys()])
  })

  test('end with stop, on both sides, and leave the port free', async () => {
    const { ports, a, b } = await start()
    for (let i = 0; i < 6; i++) expect(a.transport.send(2, Buffer.alloc(500_000))).toBe('sent')
    await a.transport.stop()
    await until('the last frame', () => b.frames.length === 6)
    await until('down', () => !b.transport.linkState(1).sendable && !b.transport.linkState(1).receivable)
    expect(a.transport.send(2, bytes('x'))).toBe('down')
    await startNode(1, ports, { listener: two })
  })
})

describe.each(['uws', 'ws'] as const)('a %s listener', (listener) => {
  test.each([
    ['another secret', { clusterSecret: 'other' }, 'SECRET_MISMATCH'],
    ['no secret', { clusterSecret: undefined }, 'SECRET_MISMATCH'],
    ['another cluster id', { self: identity(2, { clusterId: 'cluster-b' }) }, 'CLUSTER_MISMATCH'],
    ['no common version', { self: identity(2, { protocolMin: 2, protocolMax: 3 }) }, 'VERSION_MISMATCH'],
    ['an unlisted node id', { self: identity(9) }, 'UNKNOWN_NODE'],
    ["this node's id", { self: identity(1) }, 'SELF'],
  ] as const)('refuses %s, on both sides', async (_what, options, reason) => {
    const ports = await freePorts(3)
    const a = await startNode(1, ports, { listener })
    // A third address in place of its own, so that it dials node 1 whatever its id.
    const stranger = await startNode(2, ports, {
      listener,
      peers: [{ nodeId: reason === 'SELF' ? 3 : 1, host: '127.0.0.1', port: ports[0] ?? 0 }],
      ...options,
    })
    await until('refused on both sides', () => a.refusals.includes(reason) && stranger.refusals.includes(reason))
    await until('it asks again', () => stranger.transport.counters.refused[reason] > 2)
    expect(a.transport.linkState(2)).toMatchObject({ sendable: false, receivable: false })
    expect(stranger.links).toEqual([])
    expect(a.transport.counters.refused[reason]).toBeGreaterThan(0)
    // The dialer says it once, however often it asks; the address with a port is of the dialed side.
    const said = stranger.logs.filter((line) => line.includes(`:${ports[0]}`) && line.includes(reason))
    expect(said.length).toBe(1)
  })

  test('takes the highest version that both speak', async () => {
    const ports = await freePorts(2)
    const a = await startNode(1, ports, { listener, self: identity(1, { protocolMin: 1, protocolMax: 7 }) })
    const b = await startNode(2, ports, { listener, self: identity(2, { protocolMin: 3, protocolMax: 5 }) })
    await linked(a, 1, b, 2)
    expect([a.transport.linkState(2).version, b.transport.linkState(1).version]).toEqual([5, 5])
  })

  test('says which port is in use, and which address is not its own', async () => {
    const ports = await freePorts(1)
    await startNode(1, ports, { listener })
    const error = await makeNode(1, ports, { listener })
      .transport.start()
      .catch((e: unknown) => e)
    expect(error).toBeInstanceOf(NetError)
    expect(error).toMatchObject({ code: 'PORT_IN_USE', message: expect.stringContaining(String(ports[0])) })
    for (const host of ['192.0.2.1', 'no-such-host.invalid']) {
      const listen = { nodeId: 1, host, port: ports[0] ?? 0 }
      await expect(makeNode(1, ports, { listener, listen }).transport.start()).rejects.toMatchObject({
        code: 'ADDRESS_INVALID',
      })
    }
  })

  test('listens on IPv6 and on names', async () => {
    const ports = await freePorts(2)
    const peers = [
      { nodeId: 1, host: '::1', port: ports[0] ?? 0 },
      { nodeId: 2, host: 'localhost', port: ports[1] ?? 0 },
    ]
    const a = await startNode(1, ports, { listener, peers, listen: peers[0]! })
    const b = await startNode(2, ports, { listener, peers, listen: peers[1]! })
    await linked(a, 1, b, 2)
  })
})
