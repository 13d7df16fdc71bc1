import { parseArgs } from 'node:util'
import { BENCH_MACHINES, type BenchMachine } from './node-settings.js'

export interface BenchOptions {
  readonly nodes: number
  readonly groups: number
  readonly machine: BenchMachine
  readonly callers: number
  readonly bytes: number
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Instances in flight; undefined: the runtime's default. */
  readonly window: number | undefined
  /** Round trip that every frame is made to take, in milliseconds. */
  readonly rttMs: number
  /** By how much every durable commit takes longer, in milliseconds. */
  readonly flushDelayMs: number
  readonly json: boolean
  /** Follow single commands, and print where the time goes. */
  readonly stages?: boolean
  /** Where the CPU profiles of all threads are written. */
  readonly profile?: string | undefined
  /** Where the temporary directory of this run is made: chooses the disk. */
  readonly data: string | undefined
  /** The floor only: alternate it with the runtime. */
  readonly against: boolean
  /** The floor only: each part of the machine and of the path by itself, instead. */
  readonly parts: boolean
  readonly rounds: number
}

const usage = `  --nodes N         processes, one of them this one (default 3)
  --groups N        (default 4)
  --machine NAME    what executes the commands: ${BENCH_MACHINES.join(', ')} (default tally)
  --callers N       callers that each wait for their answer before they propose again (default 1000)
  --bytes N         of one command (default 100)
  --seconds N       of measurement (default 5), after --warm-up N seconds (default 2)
  --window W        instances in flight per group
  --rtt MS          simulated round trip between nodes
  --flush-delay MS  simulated slowness of every durable commit
  --data DIR        make the temporary directory there, to choose the disk
  --json            one JSON object as the last line`

const insightUsage = `  --stages          where the time goes: of single commands, and of each thread
  --profile DIR     write CPU profiles of all threads of all nodes there, and print what they spend most on`

const floorUsage = `  --against         measure floor and runtime by turns, and print their ratio
  --rounds N        turns of each (default 3)
  --parts           each part of the machine and of the path by itself, instead`

export function parseBenchOptions(args: readonly string[], floor = false): BenchOptions {
  try {
    return read(args, floor)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}\n${floor ? floorUsage : insightUsage}`)
    return process.exit(2)
  }
}

function read(args: readonly string[], floor: boolean): BenchOptions {
  const number = (value: string) => ({ type: 'string', default: value }) as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: number('3'),
      groups: number('4'),
      machine: { type: 'string', default: 'tally' },
      callers: number('1000'),
      bytes: number('100'),
      seconds: number('5'),
      'warm-up': number('2'),
      window: { type: 'string' },
      rtt: number('0'),
      'flush-delay': number('0'),
      json: { type: 'boolean', default: false },
      data: { type: 'string' },
      ...(floor
        ? {
            against: { type: 'boolean', default: false },
            parts: { type: 'boolean', default: false },
            rounds: number('3'),
          }
        : { stages: { type: 'boolean', default: false }, profile: { type: 'string' } }),
    } as const,
  })
  const floorValues = values as { against?: boolean; parts?: boolean; rounds?: string }
  const insight = values as { stages?: boolean; profile?: string }
  return {
    nodes: within('--nodes', values.nodes, 1, 9),
    groups: within('--groups', values.groups, 1, 1_024),
    machine: machineNamed(values.machine),
    callers: within('--callers', values.callers, 1, 1_000_000),
    bytes: within('--bytes', values.bytes, 8, 16 * 1024 * 1024),
    seconds: within('--seconds', values.seconds, 0.1, 86_400, true),
    warmUpSeconds: within('--warm-up', values['warm-up'], 0, 3_600, true),
    window: values.window === undefined ? undefined : within('--window', values.window, 1, 1_024),
    rttMs: within('--rtt', values.rtt, 0, 10_000, true),
    flushDelayMs: within('--flush-delay', values['flush-delay'], 0, 10_000, true),
    json: values.json,
    stages: insight.stages ?? false,
    profile: insight.profile,
    data: values.data,
    against: floorValues.against ?? false,
    parts: floorValues.parts ?? false,
    rounds: within('--rounds', floorValues.rounds ?? '3', 1, 100),
  }
}

function machineNamed(name: string): BenchMachine {
  const machine = BENCH_MACHINES.find((known) => known === name)
  if (machine !== undefined) return machine
  throw new Error(`--machine takes ${BENCH_MACHINES.join(', ')}, got ${name}`)
}

function within(name: string, text: string, low: number, high: number, fraction = false): number {
  const value = Number(text)
  if (text !== '' && value >= low && value <= high && (fraction || Number.isInteger(value))) return value
  throw new Error(`${name} takes a ${fraction ? '' : 'whole '}number from ${low} to ${high}, got ${text}`)
}
