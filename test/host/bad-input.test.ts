import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ERROR_CODES, type PaxosError, PaxosNode, type PaxosOptions } from '../../src/index.js'
import { freePorts, LocalCluster, machineUrl, until } from './local-cluster.js'

async function refusal(options: PaxosOptions): Promise<PaxosError> {
  const error = await PaxosNode.start(options).then(
    async (node) => {
      await node.stop()
      throw new Error('it started')
    },
    (refused: PaxosError) => refused,
  )
  expect(error.name).toBe('PaxosError')
  expect(ERROR_CODES).toContain(error.code)
  expect(error.message.length).toBeGreaterThan(20)
  return error
}

/** Names and contents below a directory, the lock aside. */
function contents(path: string): Record<string, string> {
  if (!existsSync(path)) return {}
  const found: Record<string, string> = {}
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'lock') continue
    const file = join(entry.parentPath, entry.name)
    found[file] = readFileSync(file).toString('base64')
  }
  return found
}

describe('a start that must be refused', () => {
  let cluster: LocalCluster
  beforeAll(async () => {
    cluster = await LocalCluster.start(1)
    await cluster.node(1).group(0).propose({ add: 7 })
    await cluster.down(1)
  })
  afterAll(() => cluster.stop())

  const options = (changes: Partial<PaxosOptions> = {}): PaxosOptions => ({ ...cluster.options(1), ...changes })

  /** The refusal leaves the directory as it was. */
  async function refusedUnchanged(changed: PaxosOptions): Promise<PaxosError> {
    const before = contents(changed.dataDir)
    const error = await refusal(changed)
    expect(contents(changed.dataDir)).toEqual(before)
    return error
  }

  test('wrong options', async () => {
    expect(await refusedUnchanged(options({ nodeId: 0 }))).toMatchObject({ code: 'INVALID_OPTION' })
    expect(await refusedUnchanged(options({ nodeId: 4 }))).toMatchObject({ code: 'INVALID_OPTION' })
  })

  test('the directory of another node', async () => {
    const nodes = { 2: '127.0.0.1:7999' }
    const error = await refusedUnchanged(options({ nodeId: 2, nodes }))
    expect(error).toMatchObject({ code: 'STORE_FOREIGN' })
    expect(error.message).toMatch(/belongs to node 1, this is node 2/)
  })

  test('another number of groups, or of stores', async () => {
    expect(await refusedUnchanged(options({ groups: { count: 1 } }))).toMatchObject({ code: 'LAYOUT_CHANGED' })
    expect(await refusedUnchanged(options({ groups: { count: 2 }, stores: 1 }))).toMatchObject({
      code: 'LAYOUT_CHANGED',
    })
  })

  /** A copy of the directory with a changed manifest. */
  function copy(name: string, change: (manifest: string) => string): string {
    const dataDir = join(cluster.base, name)
    cpSync(cluster.options(1).dataDir, dataDir, { recursive: true })
    const path = join(dataDir, 'manifest.json')
    writeFileSync(path, change(readFileSync(path, 'utf8')))
    return dataDir
  }

  test('a damaged manifest', async () => {
    for (const [i, change] of [
      (text: string) => text.slice(0, 40),
      () => '',
      (text: string) => text.replace('"stores": 2', '"stores": 3'),
    ].entries()) {
      expect(await refusedUnchanged(options({ dataDir: copy(`damaged-${i}`, change) }))).toMatchObject({
        code: 'MANIFEST_DAMAGED',
      })
    }
  })

  test('a store of another voter', async () => {
    const other = await LocalCluster.start(1)
    await other.stop()
    const dataDir = copy('mixed', (text) => text)
    const strange = await LocalCluster.start(1)
    await strange.down(1)
    cpSync(join(strange.options(1).dataDir, 'store-0000'), join(dataDir, 'store-0000'), {
      recursive: true,
      force: true,
    })
    expect(await refusal(options({ dataDir }))).toMatchObject({ code: 'STORE_FOREIGN' })
    await strange.stop()
  }, 30_000)

  test('a store that is missing is damaged, not empty', async () => {
    const { rmSync } = await import('node:fs')
    const dataDir = copy('missing', (text) => text)
    rmSync(join(dataDir, 'store-0001'), { recursive: true })
    const outcome = await PaxosNode.start(options({ dataDir })).then(
      async (node) => {
        await until(() => node.status().groups[1]?.state === 'failed')
        const view = node.status().groups[1]
        await node.stop()
        return view?.failure?.code
      },
      (error: PaxosError) => error.code,
    )
    expect(['GROUP_DAMAGED', 'STORE_DAMAGED', 'GROUP_FAILED', 'STORAGE_FAILED']).toContain(outcome)
  }, 30_000)

  test('a directory that is in use', async () => {
    const node = await PaxosNode.start(options())
    const [port] = await freePorts(1)
    expect(await refusal(options({ nodes: { 1: `127.0.0.1:${port}` } }))).toMatchObject({ code: 'DATA_DIR_IN_USE' })
    expect(await node.group(0).read()).toBe(7)
    await node.stop()
  })

  test('a port in use', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const dataDir = join(cluster.base, 'fresh-port')
    for (const listener of ['ws', 'auto'] as const) {
      const error = await refusedUnchanged(options({ nodes: { 1: `127.0.0.1:${port}` }, dataDir, listener }))
      expect(error).toMatchObject({ code: 'PORT_IN_USE' })
    }
    expect(contents(dataDir)).toEqual({})
    await new Promise((resolve) => server.close(resolve))
  })

  test('an address that is not of this host', async () => {
    const dataDir = join(cluster.base, 'fresh-address')
    const error = await refusedUnchanged(options({ nodes: { 1: '192.0.2.1:7999' }, dataDir, listener: 'ws' }))
    expect(['ADDRESS_INVALID', 'LISTEN_FAILED']).toContain(error.code)
  })

  test('state machines that are none', async () => {
    const dir = join(cluster.base, 'modules')
    mkdirSync(dir, { recursive: true })
    const modules: [string, string][] = [
      ['missing', ''],
      ['syntax', 'export default {'],
      ['throws', 'throw new Error("at load")'],
      ['nothing', 'export const x = 1'],
      ['no-id', 'export default { create() {}, execute() {} }'],
      ['async', 'export default { id: 1, create() {}, async execute() {} }'],
      ['built-in', 'export default { id: 65535, create() {}, execute() {} }'],
    ]
    const dataDir = join(cluster.base, 'fresh-machine')
    for (const [name, text] of modules) {
      const path = join(dir, `${name}.mjs`)
      if (text !== '') writeFileSync(path, text)
      const error = await refusal(options({ dataDir, stateMachines: [new URL(`file://${path}`)] }))
      expect(error).toMatchObject({ code: 'STATE_MACHINE_INVALID' })
      expect(error.message).toContain(name)
    }
    const twice = [machineUrl('counter'), machineUrl('counter')]
    expect(await refusal(options({ dataDir, stateMachines: twice }))).toMatchObject({ code: 'STATE_MACHINE_INVALID' })
    expect(contents(dataDir)).toEqual({})
  }, 60_000)

  test('a state machine that loops while it loads', async () => {
    const path = join(cluster.base, 'loop.mjs')
    writeFileSync(path, 'for (;;);')
    const dataDir = join(cluster.base, 'fresh-loop')
    const stateMachines = [new URL(`file://${path}`)]
    const error = await refusal(options({ dataDir, stateMachines, timeouts: { startMs: 500 } }))
    expect(error).toMatchObject({ code: 'STATE_MACHINE_INVALID' })
    expect(contents(dataDir)).toEqual({})
  })

  test('a birth that nobody attends is given up in time, and by signal', async () => {
    const lonely = new LocalCluster()
    await lonely.lay(3)
    const error = await refusal({ ...lonely.options(1), timeouts: { birthMs: 300 } })
    expect(error).toMatchObject({ code: 'NOT_BORN' })
    expect(error.message).toMatch(/nodes 2, 3/)
    const controller = new AbortController()
    const waiting = PaxosNode.start(lonely.options(1), controller.signal)
    setTimeout(() => controller.abort(), 300)
    await expect(waiting).rejects.toMatchObject({ code: 'NODE_STOPPED' })
    await lonely.stop()
  })

  test('and after all that, the node starts and has what it had', async () => {
    const node = await PaxosNode.start(options())
    expect(await node.group(0).read()).toBe(7)
    await node.stop()
  })
})

describe('peers that must be refused', () => {
  test('another secret, another cluster, garbage: the node keeps serving', async () => {
    const cluster = await LocalCluster.start(3)
    const stranger = new LocalCluster({ clusterSecret: 'another' })
    try {
      await cluster.node(1).group(0).propose({ add: 1 })
      await cluster.down(3)
      // The third place of the cluster is taken by one who does not know the secret.
      const controller = new AbortController()
      const third = { ...cluster.options(3), dataDir: join(cluster.base, 'stranger'), clusterSecret: 'another' }
      const waiting = PaxosNode.start(third, controller.signal)
      const port = Number(cluster.options(1).nodes[1]?.split(':')[1])
      for (const bytes of [
        Buffer.alloc(1_000, 7),
        Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
        Buffer.from([0x81, 0xff]),
      ]) {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => undefined)
        socket.write(bytes)
        await new Promise((resolve) => setTimeout(resolve, 50))
        socket.destroy()
      }
      for (let i = 0; i < 20; i++) await cluster.node(2).group(0).propose({ add: 1 })
      expect(await cluster.node(1).group(0).read()).toBe(21)
      expect(
        cluster
          .node(1)
          .status()
          .peers.find(({ nodeId }) => nodeId === 3)?.sendable,
      ).toBe(false)
      await until(() => cluster.node(1).status().refusedLinks > 0)
      controller.abort()
      await expect(waiting).rejects.toMatchObject({ code: 'NODE_STOPPED' })
    } finally {
      await cluster.stop()
      await stranger.stop()
    }
  }, 60_000)

  test('a node of another cluster at a place of this one', async () => {
    const cluster = await LocalCluster.start(2)
    const other = await LocalCluster.start(1)
    try {
      await cluster.node(1).group(0).propose({ add: 1 })
      await cluster.down(2)
      // A living single-node cluster is moved to the place of node 2: its own identity stays.
      const moved = join(cluster.base, 'moved')
      await other.down(1)
      cpSync(other.options(1).dataDir, moved, { recursive: true })
      const error = await refusal({ ...cluster.options(2), dataDir: moved })
      expect(error).toMatchObject({ code: 'STORE_FOREIGN' })
      await cluster.up(2)
      await cluster.node(1).group(0).propose({ add: 1 })
    } finally {
      await cluster.stop()
      await other.stop()
    }
  }, 60_000)
})
