import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from '@jest/globals'
import { freePorts, identity, isLinked, startNode, stopAll, type TestNode, until } from './fixture.js'

const script = fileURLToPath(new URL('./peer-process.js', import.meta.url))
const children = new Set<ChildProcess>()

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  await stopAll()
})

function spawnPeer(ports: number[], listener: 'uws' | 'ws', stopWhenLinked = false) {
  const peers = ports.map((port, index) => ({ nodeId: index + 1, host: '127.0.0.1', port }))
  const options = { self: identity(2), listen: peers[1], peers, listener, stopWhenLinked }
  const child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  const words: string[] = []
  child.stdout.on('data', (data: Buffer) => words.push(...data.toString().trim().split('\n')))
  return { child, words }
}

async function echo(node: TestNode, word: string): Promise<void> {
  node.frames.length = 0
  expect(node.transport.send(2, Buffer.from(word))).toBe('sent')
  await until(`the echo of ${word}`, () => node.frames.length === 1)
  expect(Buffer.from(node.frames[0]!.frame).toString()).toBe(word)
}

describe.each(['uws', 'ws'] as const)('a peer in a process of its own, %s listener', (listener) => {
  const start = async (options = {}) => {
    const ports = await freePorts(2)
    const node = await startNode(1, ports, { listener, ...options })
    return { ports, node }
  }

  test('is linked again after it was killed and started again', async () => {
    const { ports, node } = await start()
    const first = spawnPeer(ports, listener)
    await until('linked', () => isLinked(node, 2))
    await echo(node, 'one')
    const life = node.transport.linkState(2).identity?.incarnation
    first.child.kill('SIGKILL')
    await until('down', () => !node.transport.linkState(2).sendable && !node.transport.linkState(2).receivable)
    spawnPeer(ports, listener)
    await until('linked again', () => isLinked(node, 2))
    await echo(node, 'two')
    expect(node.transport.linkState(2).identity?.incarnation).not.toBe(life)
    expect([...new Set(node.refusals)]).toEqual([])
  })

  test('keeps its links while it is stopped for a moment, and loses nothing', async () => {
    const { ports, node } = await start()
    const { child, words } = spawnPeer(ports, listener)
    await until('linked', () => isLinked(node, 2) && words.includes('linked'))
    const changes = node.links.length
    child.kill('SIGSTOP')
    for (let i = 0; i < 100; i++) expect(node.transport.send(2, Buffer.from(String(i)))).toBe('sent')
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    child.kill('SIGCONT')
    await until('all echoes', () => node.frames.length === 100)
    expect(node.links.length).toBe(changes)
  })

  test('is given up when it stays silent, and linked again when it wakes', async () => {
    const { ports, node } = await start({ keepAliveMs: 100 })
    const { child, words } = spawnPeer(ports, listener)
    await until('linked', () => isLinked(node, 2) && words.includes('linked'))
    child.kill('SIGSTOP')
    await until('given up', () => !node.transport.linkState(2).sendable)
    child.kill('SIGCONT')
    await until('linked again', () => isLinked(node, 2))
    await echo(node, 'awake')
  })

  test('ends by itself after stop', async () => {
    const { ports } = await start()
    const { child, words } = spawnPeer(ports, listener, true)
    await until('the end of the process', () => child.exitCode !== null)
    expect(child.exitCode).toBe(0)
    expect(words.slice(-1)).toEqual(['stopped'])
  })
})
