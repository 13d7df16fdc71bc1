// A node of examples/kv, with the same arguments and routes, that can be asked for everything it holds at once:
//   GET  /scan?group=N&consistency=local    all entries of a group, by a range
//   POST /gets                              keys as a JSON array: of each what this node has, by a read of its own
//   GET  /heads                             what the groups have promised, as their logs say
import { once } from 'node:events'
import { crc32 } from 'node:zlib'
import { startHttpServer } from '../../examples/kv/http-server.js'
import { type HttpRequest, type HttpResponse, json } from '../../examples/kv/http-types.js'
import { decodeReply, encodeKey, Status } from '../../examples/kv/kv-codec.js'
import { errorResponse } from '../../examples/kv/kv-errors.js'
import { type KvOptions, parseKvOptions } from '../../examples/kv/kv-options.js'
import { kvRoutes } from '../../examples/kv/kv-routes.js'
import { PaxosError, PaxosNode } from '../../src/index.js'
import { logPath } from '../../src/store/data-layout.js'
import { LmdbLogView } from '../../src/store/lmdb-log-view.js'

const MAX_RESULT_BYTES = 16 * 1024 * 1024

async function scan(node: PaxosNode, query: URLSearchParams): Promise<HttpResponse> {
  const consistency = query.get('consistency') as 'local' | 'quorum'
  const answer = await node.group(Number(query.get('group'))).read(new Uint8Array(0), { consistency, timeoutMs: 2_000 })
  return { status: 200, headers: {}, body: answer as Uint8Array }
}

async function gets(node: PaxosNode, keys: readonly string[]): Promise<HttpResponse> {
  const found = await Promise.all(
    keys.map(async (key) => {
      const answer = await node.groupFor(key).read(encodeKey(key), { consistency: 'local' })
      const { status, version, value } = decodeReply(answer as Uint8Array)
      return status === Status.absent ? null : [version, crc32(value)]
    }),
  )
  return json(200, found)
}

/** Of the logs as they are on the disk now. */
function heads(dataDir: string, groups: number, stores: number): HttpResponse {
  const promised = Array.from({ length: groups }, (_, group) => {
    const view = new LmdbLogView(logPath(dataDir, group % stores))
    try {
      return view.head(group).promised
    } finally {
      view.close()
    }
  })
  return json(200, promised)
}

function routes(node: PaxosNode, { timeoutMs, dataDir, groups }: KvOptions) {
  const kv = kvRoutes({ node, timeoutMs })
  return async (request: HttpRequest): Promise<HttpResponse> => {
    try {
      const { path, query, body } = request
      if (path === '/scan') return await scan(node, query)
      if (path === '/gets') return await gets(node, JSON.parse(Buffer.from(body).toString()) as string[])
      if (path === '/heads') return heads(dataDir, groups, Number(query.get('stores')))
      return await kv(request)
    } catch (error) {
      return errorResponse(error)
    }
  }
}

try {
  const options = parseKvOptions(process.argv.slice(2))
  const { nodeId, nodes, dataDir, groups, http, server, checkpointEvery, hold } = options
  const stopping = once(process, 'SIGTERM')
  const node = await PaxosNode.start({
    ...{ nodeId, nodes, dataDir, groups: { count: groups }, create: true, clusterSecret: 'a secret of the tests' },
    stateMachines: [new URL('../support/machines/scanned-kv.js', import.meta.url)],
    checkpoints: { everyInstances: checkpointEvery },
    trimming: { holdInstances: hold },
    maxResultBytes: MAX_RESULT_BYTES,
  })
  const web = await startHttpServer(server, { ...http, maxBodyBytes: MAX_RESULT_BYTES, handler: routes(node, options) })
  console.log(`ready: node ${nodeId}`)
  await stopping
  await web.close(1_000)
  await node.stop()
} catch (error) {
  console.error(error instanceof PaxosError ? `${error.code}: ${error.message}` : error)
  process.exit(1)
}
