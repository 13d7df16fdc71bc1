import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'

const script = fileURLToPath(new URL('./support/checkpoint-failures.js', import.meta.url))

let scratch: string
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'checkpoint-failures-'))
})
afterEach(() => rmSync(scratch, { recursive: true }))

function run(scene: string, error: string) {
  const { stdout, stderr } = spawnSync(process.execPath, [script, scratch, scene, error], { encoding: 'utf8' })
  expect(stderr).toBe('')
  const lines = stdout.trimEnd().split('\n')
  expect(lines.at(-1)).toBe('ended')
  const of = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1))
  return { failed: of('failed'), bad: of('bad'), unflushed: Number(of('unflushed')[0]) }
}

describe.each(['ENOSPC', 'EIO'])('every call to the disk that ends with %s', (error) => {
  test.each([
    ['write', 15],
    ['replace', 20],
    ['receive', 15],
    ['remove', 4],
  ])('%s: it says so with the path, leaves nothing half made, and what was there', (scene, atLeast) => {
    const { failed, bad } = run(scene, error)
    expect(bad).toEqual([])
    expect(failed.length).toBeGreaterThanOrEqual(atLeast)
  })
})

test('what it says names the folder, the call and what to do', () => {
  const full =
    /^The checkpoint in .*group-3.* cannot be written: ENOSPC: made to fail, writeSync\. Free space on its disk/
  expect(run('write', 'ENOSPC').failed).toContainEqual(expect.stringMatching(full))
})

const MIB = 1024 * 1024
test.each([
  ['large write', 8 * MIB],
  ['large receive', 2 * MIB],
])('%s: no more than a few megabytes wait for a flush', (scene, most) => {
  const { unflushed, bad } = run(scene, 'EIO')
  expect(bad).toEqual([])
  expect(unflushed).toBeGreaterThan(most / 2)
  expect(unflushed).toBeLessThanOrEqual(most + 256 * 1024)
})
