// npm run bench:report: the HTML page of runs that were kept as JSON lines.
import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { parseOrExit, refuse } from './bench-options.js'
import { reportPage } from './html/page.js'
import { readRecords } from './series/run-record.js'

const command = new Command('bench:report')
  .description('A page with charts of the runs in files that npm run bench -- --jsonl FILE wrote.')
  .argument('<files...>')
  .requiredOption('-o, --output <file>', 'the page')
parseOrExit(command, process.argv.slice(2))

try {
  const runs = command.args.flatMap(readRecords)
  const { output } = command.opts<{ output: string }>()
  writeFileSync(output, reportPage(runs))
  console.log(`${output}: ${runs.length} runs`)
} catch (error) {
  refuse(command, (error as Error).message)
}
