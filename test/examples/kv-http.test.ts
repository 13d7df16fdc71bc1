import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { KvCluster } from '../../native-bench/kv/kv-cluster.js'

const LIMIT = 4_096

describe.each(['uws', 'node'])('HTTP of examples/kv on the server %s', (server) => {
  let cluster: KvCluster
  beforeAll(async () => {
    cluster = await KvCluster.start({ nodes: 1, groups: 2, args: ['--server', server, '--max-value', String(LIMIT)] })
  })
  afterAll(() => cluster?.end())

  const send = (method: string, path: string, body?: string) => cluster.client.send(1, method, path, body)
  const sendJson = async (method: string, path: string, body?: string) => {
    const reply = await send(method, path, body)
    return { status: reply.status, ...(JSON.parse(reply.body) as Record<string, unknown>) }
  }

  test('put, get, compare and set, delete', async () => {
    expect(await sendJson('PUT', '/kv/a', 'one')).toEqual({ status: 200, version: 1, instance: expect.any(Number) })
    expect(await send('GET', '/kv/a')).toEqual({ status: 200, version: 1, body: 'one' })
    expect(await send('GET', '/kv/a?consistency=local')).toEqual({ status: 200, version: 1, body: 'one' })
    expect(await sendJson('POST', '/kv/a?ifVersion=1', 'two')).toMatchObject({ status: 200, version: 2 })
    expect(await sendJson('POST', '/kv/a?ifVersion=1', 'no')).toMatchObject({ status: 409, version: 2 })
    expect(await sendJson('POST', '/kv/new?ifVersion=0', 'made')).toMatchObject({ status: 200, version: 1 })
    expect(await sendJson('POST', '/kv/new?ifVersion=0', 'no')).toMatchObject({ status: 409, version: 1 })
    expect(await sendJson('DELETE', '/kv/a')).toMatchObject({ status: 200, version: 2 })
    expect(await sendJson('GET', '/kv/a')).toMatchObject({ status: 404, code: 'NO_SUCH_KEY' })
    expect(await sendJson('DELETE', '/kv/a')).toMatchObject({ status: 404, code: 'NO_SUCH_KEY' })
  })

  test('keys are percent-decoded segments', async () => {
    await send('PUT', '/kv/a%2Fb%20%C3%BC', 'one')
    expect(await send('GET', '/kv/a%2fb%20%c3%bc')).toMatchObject({ status: 200, body: 'one' })
    for (const path of ['/kv/', '/kv/a/b', '/kv/%zz', '/kv/%ff', `/kv/${'k'.repeat(1025)}`]) {
      expect(await sendJson('PUT', path, 'x')).toMatchObject({ status: 400, code: 'BAD_KEY', outcome: 'not-applied' })
    }
  })

  test('an empty value is a value', async () => {
    await send('PUT', '/kv/empty')
    expect(await send('GET', '/kv/empty')).toEqual({ status: 200, version: 1, body: '' })
  })

  test('what is wrong is said in JSON', async () => {
    expect(await sendJson('POST', '/kv/a', 'x')).toMatchObject({ status: 400, code: 'BAD_VERSION' })
    expect(await sendJson('POST', '/kv/a?ifVersion=-1', 'x')).toMatchObject({ status: 400, code: 'BAD_VERSION' })
    expect(await sendJson('GET', '/kv/a?consistency=eventual')).toMatchObject({ status: 400, code: 'BAD_CONSISTENCY' })
    expect(await sendJson('PATCH', '/kv/a', 'x')).toMatchObject({ status: 405, code: 'NO_SUCH_METHOD' })
    expect(await sendJson('GET', '/other')).toMatchObject({ status: 404, code: 'NO_SUCH_PATH' })
  })

  test('a value up to the limit is taken, a longer one is refused', async () => {
    expect(await sendJson('PUT', '/kv/large', 'v'.repeat(LIMIT))).toMatchObject({ status: 200 })
    const refused = { status: 413, code: 'BODY_TOO_LARGE', outcome: 'not-applied' }
    expect(await sendJson('PUT', '/kv/large', 'v'.repeat(LIMIT + 1))).toMatchObject(refused)
    expect(await send('GET', '/kv/large')).toMatchObject({ version: 1, body: 'v'.repeat(LIMIT) })
  })

  test('the status shows the groups', async () => {
    const { groups } = await cluster.client.status<{ groups: object[] }>(1)
    const group = { chosenUpTo: expect.any(Number), executedUpTo: expect.any(Number), chain: expect.any(Number) }
    expect(groups).toEqual([
      expect.objectContaining({ group: 0, ...group }),
      expect.objectContaining({ group: 1, ...group }),
    ])
  })

  test('a port in use is said in a sentence', async () => {
    const taken = cluster.httpPort(1)
    const options = { nodes: 1, groups: 1, args: ['--server', server, '--http', `127.0.0.1:${taken}`] }
    await expect(KvCluster.start(options)).rejects.toThrow(`before it was ready\ncannot listen on 127.0.0.1:${taken}`)
  })

  test('SIGTERM ends it cleanly, and what was written is there again', async () => {
    await send('PUT', '/kv/kept', 'for good')
    expect(await cluster.stop()).toEqual([0])
    await cluster.spawn(1).ready
    expect(await send('GET', '/kv/kept')).toMatchObject({ status: 200, body: 'for good' })
  })
})

test('SIGTERM ends a node that still waits for its peers', async () => {
  const cluster = await KvCluster.prepare({ groups: 1 })
  try {
    const process = cluster.spawn(1)
    // Before its handlers are in place a signal ends a process too, but not by its own exit.
    await cluster.answers(1)
    process.signal('SIGTERM')
    expect(await process.exited).toBe(0)
  } finally {
    await cluster.end()
  }
})
