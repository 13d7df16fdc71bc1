import { Command, InvalidArgumentError } from 'commander'

export interface PortsOptions {
  readonly nodes: number
  readonly groups: number
  /** Numbers of threads of the application, each of which is measured in turn with the main thread. */
  readonly threads: readonly number[]
  readonly callers: number
  readonly many: number
  readonly bytes: number
  readonly seconds: number
  readonly warmUp: number
  readonly rounds: number
  readonly json: boolean
  readonly data?: string
}

/** What is wrong is told with the usage, and ends the process with status 1. */
export function parsePortsOptions(args: readonly string[]): PortsOptions {
  return new Command('npm run bench:ports --')
    .description(
      'The same load, by turns: proposed by the main thread of node 1, and by threads of its application through ports.',
    )
    .option('--nodes <n>', 'processes, one of them this one', within(1, 9), 3)
    .option('--groups <n>', 'and as many threads for them', within(1, 1_024), 4)
    .option('--threads <list>', "numbers of the application's threads, with commas", threadList, [1, 2, 4])
    .option('--callers <n>', 'calls in flight, divided among the threads', within(1, 1_000_000), 64)
    .option('--many <n>', 'commands of one call (proposeMany); 1: propose, a promise each', within(1, 65_536), 64)
    .option('--bytes <n>', 'of one command', within(16, 16 * 1024 * 1024), 16)
    .option('--seconds <n>', 'of each measurement', within(0.1, 86_400, false), 3)
    .option('--warm-up <n>', 'seconds before each of them', within(0, 3_600, false), 1)
    .option('--rounds <n>', 'turns', within(1, 100), 3)
    .option('--data <dir>', 'make the temporary directory there, to choose the disk')
    .option('--json', 'one JSON object as the last line', false)
    .showHelpAfterError()
    .parse(args, { from: 'user' })
    .opts<PortsOptions>()
}

function within(low: number, high: number, isWhole = true): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text !== '' && value >= low && value <= high && (!isWhole || Number.isInteger(value))) return value
    throw new InvalidArgumentError(`It is to be a ${isWhole ? 'whole ' : ''}number from ${low} to ${high}.`)
  }
}

function threadList(text: string): number[] {
  const list = text.split(',').map(Number)
  if (list.every((count) => Number.isInteger(count) && count >= 1 && count <= 64)) return list
  throw new InvalidArgumentError('It is to be numbers from 1 to 64, with commas.')
}
