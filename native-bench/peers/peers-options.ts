import { Command } from 'commander'
import { numberFrom, oneOf, wholeFrom } from '../option-values.js'
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
  readonly state: 'stored' | 'memory'
  readonly only: System | undefined
  readonly data: string | undefined
  readonly json: boolean
}

export const SYSTEMS = ['kv', 'etcd', 'empty'] as const
export type System = (typeof SYSTEMS)[number]

/** A frame of HTTP/2 has at most 16 KB, and this load sends one for each put. */
const MOST_VALUE_BYTES = 16_000
const CONNECTIONS = wholeFrom(1, 20_000)

/** Ends the process with a message when an argument is wrong. */
export function parsePeersOptions(args: readonly string[]): PeersOptions {
  const command = new Command('npm run bench:peers --')
    .description('Puts to examples/kv, to etcd, and to an empty HTTP handler, by turns in one invocation.')
    .option('--connections <n>', 'callers that each wait for their answer, each with a connection', CONNECTIONS, 1_000)
    .option('--grpc-connections <n>', "that the same callers share over etcd's gRPC", CONNECTIONS, 100)
    .option('--bytes <n>', 'of a value', wholeFrom(MIN_VALUE_BYTES, MOST_VALUE_BYTES), 100)
    .option('--keys <n>', 'key space; at least one for each connection', wholeFrom(1, 10_000_000), 10_000)
    .option('--seconds <n>', 'of each measurement', numberFrom(0.1, 3_600), 3)
    .option('--first-warm-up <n>', 'seconds of load on each system before the first round', numberFrom(0, 3_600), 15)
    .option('--warm-up <n>', 'seconds before each measurement', numberFrom(0, 3_600), 1)
    .option('--rounds <n>', 'turns of each system', wholeFrom(1, 100), 3)
    .option('--spread', 'connections to all three nodes, instead of to the leader', false)
    .option('--state <kind>', 'of examples/kv: stored or memory', oneOf(['stored', 'memory']), 'stored')
    .option('--only <system>', `one of ${SYSTEMS.join(', ')}`, oneOf(SYSTEMS))
    .option('--data <dir>', 'make the temporary directories there, to choose the disk')
    .option('--json', 'one JSON object as the last line', false)
    .parse(args, { from: 'user' })
  const options = command.opts<PeersOptions>()
  if (options.keys < options.connections) {
    command.error(`error: --keys takes at least the ${options.connections} of --connections, got ${options.keys}`)
  }
  return options
}
