import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { LinkProxy, OPEN } from './link-proxy.js'

let target: Server
let proxy: LinkProxy
let near: Socket
let far: Socket

beforeEach(async () => {
  target = createServer()
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  proxy = await LinkProxy.listen((target.address() as { port: number }).port)
  ;[near, far] = await open()
})

afterEach(() => {
  proxy.close()
  near.destroy()
  far.destroy()
  target.close()
})

async function open(): Promise<[Socket, Socket]> {
  const accepted = once(target, 'connection') as Promise<[Socket]>
  const dialed = connect(proxy.port, '127.0.0.1')
  await once(dialed, 'connect')
  const [socket] = await accepted
  for (const end of [dialed, socket]) end.on('error', () => undefined)
  return [dialed, socket]
}

/** Until so many bytes have come. */
async function read(socket: Socket, bytes: number): Promise<string> {
  let text = ''
  while (text.length < bytes) text += String((await once(socket, 'data'))[0])
  return text
}

// Not `once`: that rejects when the connection was reset, which is what some of these wait for.
const closed = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.once('close', resolve))

/** Resolves when all that had come to this process before has been looked at: a round trip through another proxy. */
async function roundTrip(): Promise<void> {
  const other = await LinkProxy.listen((target.address() as { port: number }).port)
  const accepted = once(target, 'connection') as Promise<[Socket]>
  const dialed = connect(other.port, '127.0.0.1')
  const [socket] = await accepted
  for (const end of [dialed, socket]) end.on('error', () => undefined)
  for (let i = 0; i < 5; i++) {
    dialed.write('x')
    await read(socket, 1)
    socket.write('y')
    await read(dialed, 1)
  }
  other.close()
  dialed.destroy()
  socket.destroy()
}

test('an open link hands everything on, both ways, and the end as well', async () => {
  near.write('there')
  expect(await read(far, 5)).toBe('there')
  far.write('back')
  expect(await read(near, 4)).toBe('back')
  near.end('last')
  expect(await read(far, 4)).toBe('last')
  far.end()
  await closed(near)
})

test('a link that holds is silent, and lets all through in order when it opens', async () => {
  const got: string[] = []
  far.on('data', (chunk: Buffer) => got.push(String(chunk)))
  proxy.rule = { ...OPEN, mode: 'hold' }
  near.write('one ')
  await roundTrip()
  near.write('two')
  await roundTrip()
  expect(got).toEqual([])
  proxy.rule = OPEN
  while (got.join('') !== 'one two') await once(far, 'data')
})

test('a link that holds tells nobody that the other end is gone, until it opens', async () => {
  let isClosed = false
  near.on('close', () => {
    isClosed = true
  })
  proxy.rule = { ...OPEN, mode: 'hold' }
  far.resetAndDestroy()
  await roundTrip()
  expect(isClosed).toBe(false)
  const end = closed(near)
  proxy.rule = OPEN
  await end
})

test('a link that loses ends its connections when it opens, and takes new ones', async () => {
  const got: string[] = []
  far.on('data', (chunk: Buffer) => got.push(String(chunk)))
  proxy.rule = { ...OPEN, mode: 'lose' }
  near.write('lost')
  await roundTrip()
  const ends = [closed(near), closed(far)]
  proxy.rule = OPEN
  await Promise.all(ends)
  expect(got).toEqual([])
  ;[near, far] = await open()
  near.write('again')
  expect(await read(far, 5)).toBe('again')
})

test('a link that refuses ends what is there and whatever comes', async () => {
  const ends = [closed(near), closed(far)]
  proxy.rule = { ...OPEN, mode: 'refuse' }
  await Promise.all(ends)
  const refused = connect(proxy.port, '127.0.0.1')
  refused.on('error', () => undefined)
  await closed(refused)
})

test('cut ends the connections once', async () => {
  const ends = [closed(near), closed(far)]
  proxy.cut()
  await Promise.all(ends)
  ;[near, far] = await open()
  near.write('x')
  expect(await read(far, 1)).toBe('x')
})

test('a slow link is late by its delay, and by its bytes', async () => {
  proxy.rule = { mode: 'pass', delayMs: 60, bytesPerSecond: 10_000 }
  const began = performance.now()
  near.write('x'.repeat(1_000))
  await read(far, 1_000)
  // Never early; how late is up to the machine.
  expect(performance.now() - began).toBeGreaterThanOrEqual(159)
})
