import { Command, Option } from 'commander'
import { parseOrExit, refuse, whole, within } from '../bench-options.js'
import { MIN_VALUE_BYTES } from './put-requests.js'

export interface PeersOptions {
  readonly connections: number
  readonly grpcConnections: number
  readonly bytes: number
  readonly keys: number
  readonly seconds: number
  readonly firstWarmUp: number
  readonly warmUp: number
  readonly rounds: number
  readonly spread: boolean
  /** Of examples/kv; etcd has one. */
  readonly groups: number
  readonly state: 'stored' | 'memory'
  readonly only: System | undefined
  readonly data: string | undefined
  readonly json: boolean
}

export const SYSTEMS = ['kv', 'etcd', 'empty'] as const
export type System = (typeof SYSTEMS)[number]

/** A frame of HTTP/2 has at most 16 KB, and this load sends one for each put. */
const MOST_VALUE_BYTES = 16_000
const CONNECTIONS = whole(1, 20_000)

/** Ends the program with the usage and status 2 when an argument is wrong. */
export function parsePeersOptions(args: readonly string[]): PeersOptions {
  const command = new Command('npm run bench:peers --')
    .description('Puts to examples/kv, to etcd, and to an empty HTTP handler, by turns in one invocation.')
    .option('--connections <n>', 'callers that each wait for their answer, each with a connection', CONNECTIONS, 1_000)
    .option('--grpc-connections <n>', "that the same callers share over etcd's gRPC", CONNECTIONS, 100)
    .option('--bytes <n>', 'of a value', whole(MIN_VALUE_BYTES, MOST_VALUE_BYTES), 100)
    .option('--keys <n>', 'key space; at least one for each connection', whole(1, 10_000_000), 10_000)
    .option('--seconds <n>', 'of each measurement', within(0.1, 3_600), 3)
    .option('--first-warm-up <n>', 'seconds of load on each system before the first round', within(0, 3_600), 15)
    .option('--warm-up <n>', 'seconds before each measurement', within(0, 3_600), 1)
    .option('--rounds <n>', 'turns of each system', whole(1, 100), 3)
    .option('--spread', 'connections to all three nodes, instead of to the leader', false)
    .option('--groups <n>', 'of examples/kv; etcd has one', whole(1, 1_024), 1)
    .addOption(new Option('--state <kind>', 'of examples/kv').choices(['stored', 'memory']).default('stored'))
    .addOption(new Option('--only <system>', 'instead of all three').choices(SYSTEMS))
    .option('--data <dir>', 'make the temporary directories there, to choose the disk')
    .option('--json', 'one JSON object as the last line', false)
    .allowExcessArguments(false)
  const options = parseOrExit(command, args).opts<PeersOptions>()
  if (options.keys < options.connections) {
    refuse(command, `--keys takes at least the ${options.connections} of --connections, got ${options.keys}`)
  }
  return options
}
