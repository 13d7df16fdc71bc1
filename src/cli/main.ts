#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { isStoreError } from '../store/store-error.js'
import { runExport } from './export-command.js'
import { runImport } from './import-command.js'
import { runLog } from './log-command.js'
import { endWithReader, tell } from './output.js'
import { NOT_DONE, Refusal } from './refusal.js'
import { runVerify } from './verify-command.js'

const program = new Command('shardpaxos')
  .description(
    'Looks into the data directories of shardpaxos nodes, and copies checkpoints out of them and into new ones.',
  )
  .exitOverride()
  .showHelpAfterError('(shardpaxos help COMMAND says more)')

const dir = ['<dir>', 'data directory of a node'] as const
const group = ['--group <n>', 'only this group', wholeNumber] as const
const json = ['--json', 'a line of JSON for each thing'] as const

program
  .command('log')
  .summary('print the head and the records of logs')
  .description('Prints heads and records. Never writes; the node may run.')
  .argument(...dir)
  .option(...group)
  .option('--from <instance>', 'from this instance on', wholeNumber)
  .option('--to <instance>', 'up to this instance', wholeNumber)
  .option('--limit <n>', 'so many records of each group: the first ones with --from, else the last ones', wholeNumber)
  .option('--follow', 'go on with what is chosen', false)
  .option(...json, false)
  .option('--values', 'do not shorten commands', false)
  .action(ends(runLog))

program
  .command('verify')
  .summary('check everything in a data directory')
  .description(
    'Reads a data directory and says what is wrong. Changes nothing. Exit status: 0 sound, 1 damaged, 2 not checked.',
  )
  .argument(...dir)
  .option(...group)
  .option('--deep', 'also decode all records and checkpoints, and walk the whole index of each log', false)
  .option('--live', 'beside its running node: logs and checkpoints, not the state', false)
  .option(...json, false)
  .action(ends(runVerify))

program
  .command('export')
  .summary('copy checkpoints into files')
  .description('Copies the newest checkpoint of one group, or of all, into files. The node may run.')
  .argument(...dir)
  .option(...group)
  .option('--all', 'every group')
  .option('--instance <instance>', 'the checkpoint of this instance', wholeNumber)
  .requiredOption('--out <path>', 'the file; with --all a folder')
  .action((path: string, { all, ...options }) => {
    if ((all === true) === (options.group !== undefined)) throw new Refusal('Give either --group or --all.')
    if (all === true && options.instance !== undefined) throw new Refusal('--instance goes with --group only.')
    return ends(runExport)(path, options)
  })

program
  .command('import')
  .summary('write the data directories of a new cluster')
  .description('Writes the data directories of all nodes of a new cluster that begins with exported checkpoints.')
  .argument('<files...>', 'what export wrote: files, or their folder')
  .requiredOption('--nodes <ids>', 'the ids of all nodes: 1,2,3', nodeIds)
  .requiredOption('--out <dir>', 'gets a data directory for each node: DIR/1, DIR/2, DIR/3')
  .option('--stores <n>', 'environments of each node (default: as the node had that was exported)', storeCount)
  .option('--empty-groups', 'groups without a file begin empty', false)
  .action(ends(runImport))

function wholeNumber(text: string): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number))
    throw new InvalidArgumentError('It is to be a whole number.')
  return number
}

function storeCount(text: string): number {
  const stores = wholeNumber(text)
  if (stores < 1 || stores > 4096) throw new InvalidArgumentError('It is to be 1 to 4096.')
  return stores
}

function nodeIds(text: string): number[] {
  const ids = text.split(',').map(wholeNumber)
  const isFit = ids.every((id) => id >= 1 && id <= 65_535) && new Set(ids).size === ids.length && ids.length <= 31
  if (!isFit) throw new InvalidArgumentError('They are to be 1 to 31 different numbers of 1..65535, with commas.')
  return ids
}

/** An action whose result is the exit status. */
function ends<Args extends unknown[]>(run: (...args: Args) => Promise<number>): (...args: Args) => Promise<void> {
  return async (...args) => {
    process.exitCode = await run(...args)
  }
}

endWithReader()
try {
  await program.parseAsync()
} catch (error) {
  // Commander has said it already.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : NOT_DONE
  else if (error instanceof Refusal || isStoreError(error)) {
    tell(error.message)
    process.exitCode = NOT_DONE
  } else throw error
}
