import { Command, Option } from 'commander'
import { parseOrExit, whole, within } from '../bench-options.js'
import type { Consistency } from './kv-stores.js'
import { MIN_VALUE_BYTES } from './records.js'
import { WORKLOADS, type WorkloadName } from './workloads.js'

export interface YcsbOptions {
  readonly workload: WorkloadName
  readonly records: number
  readonly seconds: number
  readonly warmUp: number
  readonly callers: number
  readonly bytes: number
  readonly groups: number
  readonly state: 'stored' | 'memory'
  readonly consistency: Consistency
  readonly http: boolean
  readonly seed: number
  readonly data: string | undefined
  readonly json: boolean
}

/** Ends the program with the usage and status 2 when an argument is wrong. */
export function parseYcsbOptions(args: readonly string[]): YcsbOptions {
  const command = new Command('npm run bench:ycsb --')
    .description(
      'A core workload of YCSB over the key-value machine of examples/kv: three nodes, keys as YCSB draws them.',
    )
    .addOption(
      new Option(
        '--workload <name>',
        'A: half updates; B: 5 % updates; C: reads; D: inserts, and reads of the latest; F: read, then write',
      )
        .choices(Object.keys(WORKLOADS))
        .default('A'),
    )
    .option('--records <n>', 'that are there before it begins', whole(10, 10_000_000), 100_000)
    .option('--bytes <n>', 'of a value', whole(MIN_VALUE_BYTES, 1_000_000), 1_000)
    .option('--seconds <n>', 'of measurement', within(0.1, 86_400), 5)
    .option('--warm-up <n>', 'seconds of the workload before it', within(0, 3_600), 2)
    .option('--callers <n>', 'that each wait for their answer', whole(1, 20_000), 256)
    .option('--groups <n>', 'that share the keys', whole(1, 1_024), 4)
    .addOption(new Option('--consistency <kind>', 'of reads').choices(['quorum', 'local']).default('quorum'))
    .addOption(
      new Option('--state <kind>', 'where the values are kept').choices(['stored', 'memory']).default('stored'),
    )
    .option(
      '--http',
      'all nodes are processes of examples/kv, spoken to over HTTP; else node 1 is in this process',
      false,
    )
    .option('--seed <n>', 'of operations and keys', whole(0, 4_294_967_295), 1)
    .option('--data <dir>', 'make the temporary directory there, to choose the disk')
    .option('--json', 'one JSON object as the last line', false)
    .allowExcessArguments(false)
  return parseOrExit(command, args).opts<YcsbOptions>()
}
