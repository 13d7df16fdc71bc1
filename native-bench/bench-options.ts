import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { SyncMode } from '../src/index.js'
import { ENCODINGS, type Encoding } from './load/commands.js'
import { BENCH_MACHINES, type BenchMachine } from './node-settings.js'

export const LOADED = ['one', 'all'] as const

/** One run: a cluster, a load, and how long. */
export interface BenchOptions {
  readonly nodes: number
  readonly groups: number
  /** Worker threads of each node; undefined: its share of the cores that all nodes have in common. */
  readonly threads: number | undefined
  readonly machine: BenchMachine
  /** Whether node 1 is loaded, or every node with a part of the load. */
  readonly load: (typeof LOADED)[number]
  /** Of the closed loop, on all loaded nodes together. */
  readonly callers: number
  /** Commands a second of the open loop, on all loaded nodes together; undefined: a closed loop. */
  readonly rate: number | undefined
  /** Commands of the open loop that may be without an answer. */
  readonly outstanding: number
  /** Commands of one call. */
  readonly many: number
  readonly bytes: number
  /** Share of the calls that are quorum reads. */
  readonly reads: number
  readonly encoding: Encoding
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Instances in flight; undefined: the runtime's default. */
  readonly window: number | undefined
  /** Commands of one instance at the most; undefined: the runtime's default. */
  readonly batch: number | undefined
  /** Round trip that every frame is made to take, in milliseconds. */
  readonly rttMs: number
  /** By how much every durable commit takes longer, in milliseconds. */
  readonly flushDelayMs: number
  /** When votes are flushed; undefined: the runtime's default. */
  readonly sync: SyncMode | undefined
  /** Follow single commands, and print where the time goes. */
  readonly stages?: boolean
  /** Where the CPU profiles of all threads are written. */
  readonly profile?: string | undefined
  /** Where the temporary directory of this run is made: chooses the disk. */
  readonly data: string | undefined
}

/** A command line that takes the options of a run; `runOptionsOf` reads them. */
export function runCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--nodes <n>', 'processes, one of them this one', whole(1, 9), 3)
    .option('--groups <n>', '', whole(1, 1_024), 4)
    .option(
      '--threads <n>',
      'worker threads of each node, with a store each (default: its share of the cores)',
      whole(1, 1_024),
    )
    .addOption(
      new Option('--machine <name>', 'what executes the commands (default: tally, with cbor counter)').choices(
        BENCH_MACHINES,
      ),
    )
    .addOption(new Option('--load <nodes>', 'load node 1, or all nodes alike').choices(LOADED).default('one'))
    .option('--callers <n>', 'closed loop: callers that each wait for their answer', whole(1, 1_000_000), 1_000)
    .option('--rate <n>', 'open loop: commands a second, whatever becomes of them', within(0.1, 100_000_000))
    .option('--outstanding <n>', 'open loop: commands without an answer, at most', whole(1, 10_000_000), 50_000)
    .option('--many <n>', 'commands of one call (proposeMany)', whole(1, 65_536), 1)
    .option('--bytes <n>', 'of one command', whole(8, 16 * 1024 * 1024), 100)
    .option('--reads <share>', 'of the calls that are quorum reads, 0 to 1', within(0, 1), 0)
    .addOption(new Option('--encoding <name>', 'of commands').choices(ENCODINGS).default('bytes'))
    .option('--seconds <n>', 'of measurement', within(0.1, 86_400), 5)
    .option('--warm-up <n>', 'seconds before it', within(0, 3_600), 2)
    .option('--window <n>', 'instances in flight per group', whole(1, 1_024))
    .option('--batch <n>', 'commands of one instance at most; 1: no batching', whole(1, 1_000_000))
    .option('--rtt <ms>', 'simulated round trip between nodes', within(0, 10_000), 0)
    .option('--flush-delay <ms>', 'simulated slowness of every durable commit', within(0, 10_000), 0)
    .option('--sync <mode>', 'when votes are flushed: always, never, or every so many milliseconds', syncMode)
    .option('--data <dir>', 'make the temporary directory there, to choose the disk')
    .allowExcessArguments(false)
}

/** Ends the program with the usage and status 2 if it is wrong. */
export function parseOrExit(command: Command, args: readonly string[]): Command {
  try {
    return command
      .exitOverride()
      .showHelpAfterError('(--help tells all options)')
      .parse([...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return process.exit(error.exitCode === 0 ? 0 : 2)
  }
}

/** Of a parsed command; ends the program as `parseOrExit` does where they do not go together. */
export function runOptionsOf(command: Command): BenchOptions {
  const { warmUp, rtt, flushDelay, ...rest } = command.opts()
  const options = { ...rest, warmUpSeconds: warmUp, rttMs: rtt, flushDelayMs: flushDelay } as BenchOptions & {
    machine: BenchMachine | undefined
  }
  const machine = options.machine ?? (options.encoding === 'cbor' ? 'counter' : 'tally')
  const complaint = contradiction({ ...options, machine })
  if (complaint !== undefined) refuse(command, complaint)
  return { ...pick(options), machine }
}

/** The defaults of a run, to be changed in a few fields. */
export function defaultRun(): BenchOptions {
  return runOptionsOf(parseOrExit(runCommand('', ''), []))
}

export function refuse(command: Command, message: string): never {
  try {
    return command.error(`error: ${message}`)
  } catch {
    return process.exit(2)
  }
}

function contradiction({ machine, encoding, reads, load, callers, nodes, rate, groups, threads }: BenchOptions) {
  if (encoding === 'cbor' && machine !== 'counter') return `--encoding cbor takes --machine counter, got ${machine}`
  if (reads > 0 && machine.startsWith('kv')) {
    return `--reads takes --machine tally or counter, got ${machine}: a read asks how many commands were executed`
  }
  if (load === 'all' && rate === undefined && callers < nodes) {
    return `--load all takes at least one caller for each of the ${nodes} nodes, got --callers ${callers}`
  }
  if (threads !== undefined && threads > groups)
    return `--threads takes at most ${groups}, one per group, got ${threads}`
  return undefined
}

/** Without what other options the command has. */
function pick(options: BenchOptions): BenchOptions {
  const { nodes, groups, threads, machine, load, callers, rate, outstanding, many, bytes, reads, encoding } = options
  const { seconds, warmUpSeconds, window, batch, rttMs, flushDelayMs, sync, data } = options
  const cluster = { nodes, groups, threads, machine, window, batch, rttMs, flushDelayMs, sync, data }
  return { ...cluster, load, callers, rate, outstanding, many, bytes, reads, encoding, seconds, warmUpSeconds }
}

export function whole(low: number, high: number) {
  return (text: string): number => {
    const value = Number(text)
    if (text !== '' && value >= low && value <= high && Number.isInteger(value)) return value
    throw new InvalidArgumentError(`It takes a whole number from ${low} to ${high}.`)
  }
}

function syncMode(text: string): SyncMode {
  if (text === 'always' || text === 'never') return text
  const intervalMs = Number(text)
  if (text !== '' && intervalMs >= 1 && intervalMs <= 3_600_000) return { intervalMs }
  throw new InvalidArgumentError('It takes always, never, or milliseconds from 1 to 3600000.')
}

export function within(low: number, high: number) {
  return (text: string): number => {
    const value = Number(text)
    if (text !== '' && value >= low && value <= high) return value
    throw new InvalidArgumentError(`It takes a number from ${low} to ${high}.`)
  }
}
