// npm run bench:machines: the same puts over a state in memory and over a stored one, by turns, and what the second costs.
import { agreementLine } from './agreement.js'
import { parseOrExit, runCommand, runOptionsOf, whole } from './bench-options.js'
import { interruptible, runProgram } from './interrupt.js'
import type { Figures } from './measure.js'
import { median, rate, runLine, summary, summaryLine } from './medians.js'
import { table } from './report.js'
import { runRuntime, runTitle } from './runs.js'

const KINDS = ['kv-memory', 'kv-stored'] as const

async function main(): Promise<boolean> {
  const command = runCommand('bench:machines', 'The same puts over a state in memory and over a stored one, by turns.')
    .option('--rounds <n>', 'turns of each', whole(1, 100), 3)
    .option('--json', 'one JSON object as the last line', false)
  const options = runOptionsOf(parseOrExit(command, process.argv.slice(2)))
  const { rounds, json } = command.opts<{ rounds: number; json: boolean }>()
  const signal = interruptible()
  console.log(runTitle(options))
  const runs: Record<(typeof KINDS)[number], Figures[]> = { 'kv-memory': [], 'kv-stored': [] }
  let agree = true
  for (let round = 1; round <= rounds; round++) {
    for (const machine of KINDS) {
      const { figures, agreement } = await runRuntime({ ...options, machine }, signal, () => undefined)
      runs[machine].push(figures)
      console.log(`${machine} ${round}  ${runLine(figures)}  ${agreementLine(agreement, options.nodes)}`)
      agree &&= agreement.agree
    }
  }
  const [memory, stored] = KINDS.map((kind) => summary(runs[kind]))
  const throughput = median(runs['kv-stored'], rate) / median(runs['kv-memory'], rate)
  const latency = stored!.p50Ms / memory!.p50Ms
  console.log(
    `\n${table([
      ['in memory, median', summaryLine(memory!)],
      ['stored, median', summaryLine(stored!)],
      ['stored / in memory', `${throughput.toFixed(2)} of the commands/s, ${latency.toFixed(2)} of the p50`],
    ])}`,
  )
  if (json) console.log(JSON.stringify({ memory, stored, throughput, latency, agree, options }))
  return agree
}

await runProgram(main)
