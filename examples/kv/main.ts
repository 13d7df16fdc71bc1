// A replicated key-value store over HTTP. See README.md in this folder.
import { once } from 'node:events'
import { PaxosError, PaxosNode } from '../../src/index.js'
import { startHttpServer } from './http-server.js'
import { ListenError } from './http-types.js'
import { type KvOptions, parseKvOptions, usage } from './kv-options.js'
import { kvRoutes } from './kv-routes.js'

const STOP_GRACE_MS = 2_000

function readOptions(): KvOptions {
  try {
    return parseKvOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    return process.exit(2)
  }
}

async function main(): Promise<void> {
  const options = readOptions()
  const { nodeId, http, groups, timeoutMs, maxValueBytes, server } = options
  const stopping = stopSignal()
  const node = await startNode(options, stopping)
  if (node === undefined) return
  try {
    const handler = kvRoutes({ node, timeoutMs })
    const web = await startHttpServer(server, { ...http, maxBodyBytes: maxValueBytes, handler })
    console.log(`ready: node ${nodeId} serves http://${http.host}:${http.port} with ${web.name}, ${groups} groups`)
    if (!stopping.aborted) await once(stopping, 'abort')
    await web.close(STOP_GRACE_MS)
  } finally {
    await node.stop()
  }
}

/** Undefined: it was told to stop while it still waited, for its peers perhaps. */
async function startNode(options: KvOptions, stopping: AbortSignal): Promise<PaxosNode | undefined> {
  const { nodeId, nodes, dataDir, groups, state, checkpointEvery, hold, fetchRate } = options
  const machine = state === 'stored' ? './kv-machine.js' : './kv-memory-machine.js'
  const paxosOptions = {
    nodeId,
    nodes,
    dataDir,
    groups: { count: groups },
    stateMachines: [new URL(machine, import.meta.url)],
    clusterSecret: process.env.PAXOS_SECRET ?? 'a secret for examples only',
    create: true,
    checkpoints: { everyInstances: checkpointEvery },
    trimming: { holdInstances: hold },
    tuning: { fetchBytesPerSecond: fetchRate },
  }
  try {
    return await PaxosNode.start(paxosOptions, stopping)
  } catch (error) {
    if (stopping.aborted) return undefined
    throw error
  }
}

/** Aborted by the first SIGTERM or SIGINT; a second one is left to its default, which ends the process. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => controller.abort())
  return controller.signal
}

try {
  await main()
} catch (error) {
  if (error instanceof PaxosError) console.error(`${error.code}: ${error.message}`)
  else console.error(error instanceof ListenError ? error.message : error)
  process.exitCode = 1
}
