import { parseArgs } from 'node:util'

/** Runs a scenario with numbers from the command line: progress to stderr, the result as one JSON line to stdout. */
export async function runScript<Names extends string>(
  defaults: Readonly<Record<Names, number>>,
  scenario: (options: Record<Names, number>, log: (line: string) => void) => Promise<{ readonly ok: boolean }>,
): Promise<void> {
  const names = Object.keys(defaults) as Names[]
  const { values } = parseArgs({
    options: Object.fromEntries(
      names.map((name) => [name, { type: 'string' as const, default: String(defaults[name]) }]),
    ),
  })
  const options = Object.fromEntries(names.map((name) => [name, Number(values[name])])) as Record<Names, number>
  for (const name of names) if (!Number.isFinite(options[name])) throw new Error(`--${name} takes a number`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
  const result = await scenario(options, (line) => console.error(line))
  console.log(JSON.stringify(result))
  process.exitCode = result.ok ? 0 : 1
}
