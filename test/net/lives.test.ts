import { afterEach, describe, expect, test } from '@jest/globals'
import { PeerLife } from '../../src/net/peer-life.js'
import { freePorts, identity, startNode, stopAll, until } from './fixture.js'
import { RawPeer } from './raw-peer.js'

afterEach(stopAll)

const text = (frame: Uint8Array): string => Buffer.from(frame).toString()

test('a life is replaced by links begun later, never by links begun earlier', () => {
  const life = new PeerLife()
  const [one, two] = [identity(2), identity(2)]
  expect(life.admit(one, 3)).toBe('new')
  expect(life.admit({ ...one, clusterId: 'born' }, 5)).toBe('same')
  expect(life.identity?.clusterId).toBe('born')
  expect(life.admit(one, 4)).toBe('same')
  expect(life.identity?.clusterId).toBe('born')
  expect(life.admit(two, 8)).toBe('new')
  expect(life.admit(one, 7)).toBe('old')
  expect(life.identity).toEqual(two)
})

describe.each(['uws', 'ws'] as const)('on a %s listener', (listener) => {
  const start = async () => {
    const ports = await freePorts(2)
    const node = await startNode(1, ports, { listener })
    return { node, port: ports[0] ?? 0 }
  }

  test('a newer link of the same life replaces the older one', async () => {
    const { node, port } = await start()
    const self = identity(2)
    const older = await new RawPeer(port).linked(self, 1)
    const newer = await new RawPeer(port).linked(self, 1)
    await older.closed()
    expect(older.closeReason).toBe('SUPERSEDED')
    newer.ws.send(Buffer.from('hello'))
    await until('a frame', () => node.frames.length === 1)
    expect(node.links.at(-1)?.receivable).toBe(true)
  })

  test('frames of a former life are not delivered once a later life is up', async () => {
    const { node, port } = await start()
    const [before, after] = [identity(2), identity(2)]
    const dead = await new RawPeer(port).linked(before, 1)
    dead.ws.send(Buffer.from('of the former life'))
    await until('a frame', () => node.frames.length === 1)
    const alive = await new RawPeer(port).linked(after, 1)
    dead.ws.send(Buffer.from('too late'))
    await dead.closed()
    expect(dead.closeReason).toBe('SUPERSEDED')
    alive.ws.send(Buffer.from('of the present life'))
    await until('a frame', () => node.frames.length === 2)
    expect(node.frames.map(({ frame }) => text(frame))).toEqual(['of the former life', 'of the present life'])
    expect(node.transport.linkState(2).identity?.incarnation).toBe(after.incarnation)
    expect(node.links.map((state) => state.identity?.incarnation)).toEqual([before.incarnation, after.incarnation])
  })

  test('a proof of a dead life that was long on its way is refused', async () => {
    const { node, port } = await start()
    const [before, after] = [identity(2), identity(2)]
    const dead = new RawPeer(port)
    const lateProof = await dead.challenged(before, 1)
    const alive = await new RawPeer(port).linked(after, 1)
    dead.ws.send(lateProof)
    dead.ws.send(Buffer.from('too late'))
    await dead.closed()
    expect([dead.closeCode, dead.closeReason]).toEqual([4006, 'SUPERSEDED'])
    alive.ws.send(Buffer.from('of the present life'))
    await until('a frame', () => node.frames.length === 1)
    expect(text(node.frames[0]!.frame)).toBe('of the present life')
    expect(node.transport.linkState(2).identity?.incarnation).toBe(after.incarnation)
  })
})
