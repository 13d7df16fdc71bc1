import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { DISK_CALLS, straceArguments, straceMissing } from './support/system-calls.js'

const missing = straceMissing()
if (missing !== undefined) console.log(`power cuts are not tested: ${missing}`)
const testIfTraced = missing === undefined ? test : test.skip

const script = (url: string) => fileURLToPath(new URL(url, import.meta.url))
const seed = 20261121
const commits = 120

// Hundreds of environments are opened and flushed, on a disk that may be busy.
jest.setTimeout(300_000)

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'power-cut-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

interface Outcome {
  acks: number
  images: number
  bad: string[]
}

/** Records a run of the workload, then looks at what power cuts could have left of it. */
function cutPower(name: string, overrides: object, variants: number, most: number): Outcome {
  const path = join(directory, name, 'log')
  const trace = join(directory, `${name}.trace`)
  const command = [
    process.execPath,
    script('./support/commit-workload.js'),
    path,
    seed,
    commits,
    JSON.stringify(overrides),
  ].map(String)
  const run = spawnSync('strace', [...straceArguments(trace, DISK_CALLS), ...command], { encoding: 'utf8' })
  const acks = run.stdout.split('\n').filter((line) => line.startsWith('ack ')).length
  const scratch = join(directory, `${name}-images`)
  const checked = [script('./support/check-power-cuts.js'), trace, path, scratch, seed, commits, variants, most]
  const check = spawnSync(process.execPath, checked.map(String), { encoding: 'utf8', maxBuffer: 1 << 26 })
  const lines = check.stdout.trimEnd().split('\n')
  const bad = lines.flatMap((line, i) => (line.startsWith('bad') ? [`${lines[i - 1]}: ${line}`] : []))
  // It ends with a verdict, or it crashed over the last image.
  if (check.status !== 0) bad.push(`${lines.at(-1)}: exit ${check.status ?? check.signal} ${check.stderr}`)
  return { acks, images: lines.filter((line) => line.startsWith('image ')).length, bad }
}

testIfTraced(
  'whatever a power cut leaves, every acknowledged promise and record is there, and nothing half done',
  () => {
    const { acks, images, bad } = cutPower('flushed', {}, 2, 500)
    expect(bad).toEqual([])
    expect(acks).toBe(commits + 1)
    expect(images).toBeGreaterThan(300)
  },
)

testIfTraced('the harness catches an unflushed environment', () => {
  expect(cutPower('no-sync', { noSync: true }, 1, 60).bad).not.toEqual([])
})

testIfTraced('the harness catches an environment that flushes its pages but not its meta page', () => {
  expect(cutPower('no-meta-sync', { noMetaSync: true }, 1, 300).bad).not.toEqual([])
})
