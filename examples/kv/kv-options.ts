import { parseArgs } from 'node:util'
import type { ServerChoice } from './http-server.js'
import { MAX_VALUE_BYTES } from './kv-codec.js'

export interface KvOptions {
  readonly nodeId: number
  readonly nodes: Readonly<Record<number, string>>
  readonly dataDir: string
  readonly http: { readonly host: string; readonly port: number }
  readonly groups: number
  readonly timeoutMs: number
  readonly maxValueBytes: number
  readonly server: ServerChoice
  readonly state: 'stored' | 'memory'
  /** What is undefined is left to the runtime's default. */
  readonly checkpointEvery: number | undefined
  readonly hold: number | undefined
  readonly fetchRate: number | undefined
}

export const usage = `npm run kv -- --node 1 --nodes 127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403 --data DIR --http 127.0.0.1:8401 --groups 4

  --node N           this node: its place in --nodes, from 1
  --nodes A,B,C      the addresses of all nodes, the same list on each of them
  --data DIR         where this node keeps its log
  --http HOST:PORT   where it serves HTTP
  --groups N         groups of a new cluster (default 4); fixed once it has been created
  --timeout MS       how long a request may take (default 5000)
  --max-value BYTES  the largest value (default 1048576)
  --server NAME      auto, uws (uWebSockets.js) or node (node:http); default auto
  --state KIND       stored (on disk) or memory (in memory); default stored. The same on each node, for ever
  --checkpoint-every N  instances of a group's log between two checkpoints (default 100000)
  --hold N           instances that stay in a log behind the newest checkpoint (default 10000)
  --fetch-rate BYTES per second and group, of a checkpoint that comes from another node (default 16777216)

The environment variable PAXOS_SECRET holds the secret that the nodes prove to each other.`

/** Throws an Error whose message says which argument is wrong. */
export function parseKvOptions(args: readonly string[]): KvOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      node: { type: 'string' },
      nodes: { type: 'string' },
      data: { type: 'string' },
      http: { type: 'string' },
      groups: { type: 'string', default: '4' },
      timeout: { type: 'string', default: '5000' },
      'max-value': { type: 'string', default: '1048576' },
      server: { type: 'string', default: 'auto' },
      state: { type: 'string', default: 'stored' },
      'checkpoint-every': { type: 'string' },
      hold: { type: 'string' },
      'fetch-rate': { type: 'string' },
    },
  })
  const { node, nodes, data, http, server, state } = values
  if (!node || !nodes || !data || !http) throw new Error('--node, --nodes, --data and --http are needed')
  const addresses = nodes.split(',')
  const address = /^(?<host>.+):(?<port>\d+)$/.exec(http)?.groups
  if (address === undefined) throw new Error(`--http takes HOST:PORT, got ${http}`)
  if (server !== 'auto' && server !== 'uws' && server !== 'node') throw new Error('--server takes auto, uws or node')
  if (state !== 'stored' && state !== 'memory') throw new Error('--state takes stored or memory')
  return {
    nodeId: whole('--node', node, 1, addresses.length),
    nodes: Object.fromEntries(addresses.map((text, index) => [index + 1, text])),
    dataDir: data,
    http: { host: address.host!.replace(/^\[|\]$/g, ''), port: whole('--http', address.port!, 0, 65_535) },
    groups: whole('--groups', values.groups, 1, 65_536),
    timeoutMs: whole('--timeout', values.timeout, 1, 3_600_000),
    maxValueBytes: whole('--max-value', values['max-value'], 1, MAX_VALUE_BYTES),
    server,
    state,
    checkpointEvery: wholeIfGiven('--checkpoint-every', values['checkpoint-every'], 1),
    hold: wholeIfGiven('--hold', values.hold, 0),
    fetchRate: wholeIfGiven('--fetch-rate', values['fetch-rate'], 65_536),
  }
}

function wholeIfGiven(name: string, text: string | undefined, low: number): number | undefined {
  return text === undefined ? undefined : whole(name, text, low, Number.MAX_SAFE_INTEGER)
}

function whole(name: string, text: string, low: number, high: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= low && value <= high) return value
  throw new Error(`${name} takes a whole number from ${low} to ${high}, got ${text}`)
}
