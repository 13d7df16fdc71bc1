import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from '@jest/globals'
import { readRecords } from '../../native-bench/series/run-record.js'

const runFile = promisify(execFile)
const LIMIT_MS = 60_000
const dir = mkdtempSync(join(tmpdir(), 'shardpaxos-series-'))
afterAll(() => rmSync(dir, { recursive: true }))

function program(name: string, ...args: string[]) {
  const path = fileURLToPath(new URL(`../../native-bench/${name}.js`, import.meta.url))
  return runFile(process.execPath, [path, ...args])
}

const short = ['--groups', '2', '--seconds', '0.4', '--warm-up', '0.2']

describe('the benchmark', () => {
  test(
    'runs a matrix on all nodes with reads, and keeps every run',
    async () => {
      const [jsonl, html] = [join(dir, 'runs.jsonl'), join(dir, 'runs.html')]
      const load = ['--load', 'all', '--callers', '12', '--reads', '0.4', '--matrix', 'window=1,8']
      await program('bench', ...short, ...load, '--jsonl', jsonl)
      const records = readRecords(jsonl)
      expect(records.map(({ options }) => options.window)).toEqual([1, 8])
      for (const { figures, agreement } of records) {
        expect(agreement).toMatchObject({ agree: true, differences: [] })
        expect(figures).toMatchObject({ errors: 0, readLatencyMs: { p99: expect.any(Number) } })
        expect(figures.reads).toBeGreaterThan(0)
        expect(figures.commands).toBeGreaterThan(0)
        expect(figures.perLoad).toHaveLength(3)
        expect(Math.min(...figures.perLoad)).toBeGreaterThan(0)
      }
      await program('bench-report', jsonl, '-o', html)
      expect(readFileSync(html, 'utf8')).toContain('p99, ms against window')
    },
    LIMIT_MS,
  )

  test(
    'runs an open loop of calls of many cbor commands',
    async () => {
      const load = ['--rate', '4000', '--many', '8', '--encoding', 'cbor', '--bytes', '16', '--json']
      const { stdout } = await program('bench', ...short, ...load)
      const result = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
      expect(result).toMatchObject({ agree: true, errors: 0, missed: 0, lateMs: { p50: expect.any(Number) } })
      expect(result.commands % 8).toBe(0)
      expect(result.commands).toBeGreaterThan(0)
    },
    LIMIT_MS,
  )

  test.each([
    [['--groups', 'x'], "'--groups <n>' argument 'x' is invalid. It takes a whole number from 1 to 1024."],
    [['--encoding', 'cbor', '--machine', 'tally'], '--encoding cbor takes --machine counter, got tally'],
    [['--reads', '0.5', '--floor'], '--floor: the floor has no reads'],
    [['--matrix', 'colour=1'], '--matrix takes an option of a run, got colour'],
    [['--table', '--groups', '2'], '--table has runs of its own, and takes no --groups'],
    [['--load', 'all', '--callers', '2'], 'at least one caller for each of the 3 nodes, got --callers 2'],
  ])('refuses %j', async (args, message) => {
    await expect(program('bench', ...args)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(message) })
  })
})
