// npm run torture -- --minutes 30 [--seed N] [--nodes 3] [--out DIR] [--json]
import { parseArgs } from 'node:util'
import { type TortureResult, torture } from './torture.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    nodes: { type: 'string', default: '3' },
    groups: { type: 'string', default: '4' },
    clients: { type: 'string', default: '24' },
    rate: { type: 'string', default: '400' },
    'round-seconds': { type: 'string', default: '25' },
    out: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

function number(name: Exclude<keyof typeof values, 'json' | 'out'>): number {
  const value = Number(values[name])
  if (Number.isFinite(value) && value > 0) return value
  throw new Error(`--${name} takes a number, got ${values[name]}`)
}

function table(result: TortureResult): string {
  const { faults, operations, checked, undecided, problems, alarms, reasons } = result
  const rows: [string, number | string][] = [
    ...Object.entries(faults),
    ['disk faults, all kinds', result.diskFaults],
    ['operations ok', operations.ok],
    ['operations unknown', operations.unknown],
    ['operations failed', operations.failed],
    ...Object.entries(reasons).map(([why, count]): [string, number] => [`  ${why}`, count]),
    ...Object.entries(alarms).map(([code, count]): [string, number] => [`alarm ${code}`, count]),
    ['operations checked', checked],
    ['keys undecided', undecided],
    ['violations', problems.length],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${String(value).padStart(8)}`).join('\n')
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
const log = (line: string): void => console.error(line)
const seed = number('seed')
log(`seed ${seed}`)
const result = await torture({
  minutes: number('minutes'),
  seed,
  nodes: number('nodes'),
  groups: number('groups'),
  clients: number('clients'),
  rate: number('rate'),
  roundMs: number('round-seconds') * 1000,
  log,
  ...(values.out === undefined ? {} : { out: values.out }),
})
for (const text of result.skipped) log(`skipped: ${text}`)
log(table(result))
for (const problem of result.problems) log(`PROBLEM ${problem}`)
if (result.kept !== undefined) log(`logs and histories are kept in ${result.kept}`)
if (values.json) console.log(JSON.stringify(result))
process.exitCode = result.ok ? 0 : 1
