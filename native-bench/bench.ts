// npm run bench: a cluster of real processes on loopback, each with its log on disk, under a closed-loop load.
import { agreementLine } from './agreement.js'
import { parseBenchOptions } from './bench-options.js'
import { interruptible, runProgram } from './interrupt.js'
import { figuresTable } from './report.js'
import { runRuntime } from './runs.js'

async function main(): Promise<boolean> {
  const options = parseBenchOptions(process.argv.slice(2))
  const signal = interruptible()
  const { nodes, groups, callers, bytes, seconds } = options
  console.log(`${nodes} nodes, ${groups} groups, ${callers} callers, ${bytes} B, ${seconds} s`)
  const { figures, agreement, insight } = await runRuntime(options, signal, (line) => console.log(line))
  console.log(`\n${figuresTable(figures)}\n`)
  if (insight !== undefined) console.log(`${insight}\n`)
  console.log(agreementLine(agreement, nodes))
  if (options.json) console.log(JSON.stringify({ ...figures, agree: agreement.agree, options }))
  return agreement.agree
}

await runProgram(main)
