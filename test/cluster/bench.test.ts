import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'

const run = promisify(execFile)
const LIMIT_MS = 60_000

async function lastLine(program: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const path = fileURLToPath(new URL(`../../native-bench/${program}.js`, import.meta.url))
  const { stdout } = await run(process.execPath, [path, ...args, '--json'])
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>
}

const short = ['--groups', '2', '--callers', '20', '--seconds', '0.5', '--warm-up', '0.2']
const latencyMs = Object.fromEntries(['p50', 'p90', 'p99', 'p999', 'max'].map((name) => [name, expect.any(Number)]))

test(
  'the benchmark measures, and its nodes agree',
  async () => {
    const result = await lastLine('bench', short)
    expect(result).toMatchObject({ agree: true, errors: 0, latencyMs, durableCommitsPerSecond: expect.any(Number) })
    expect(result.commandsPerSecond).toBeGreaterThan(0)
  },
  LIMIT_MS,
)

test(
  'a load through ports is measured by turns with that of the main thread, and the nodes agree with what all were told',
  async () => {
    const size = ['--nodes', '3', '--groups', '2', '--callers', '8', '--many', '4', '--threads', '1,2']
    const result = await lastLine('ports', [...size, '--seconds', '0.3', '--warm-up', '0.1', '--rounds', '1'])
    const turn = { commandsPerSecond: expect.any(Number), mainBusy: expect.any(Number) }
    const medians = [0, 1, 2].map((threads) => expect.objectContaining({ threads, ...turn }))
    expect(result).toMatchObject({ agree: true, errors: 0, medians })
  },
  LIMIT_MS,
)

test(
  'the floor measures the same path without the protocol',
  async () => {
    const result = await lastLine('floor', short)
    expect(result).toMatchObject({ errors: 0, latencyMs })
    expect(result.commandsPerSecond).toBeGreaterThan(0)
  },
  LIMIT_MS,
)
