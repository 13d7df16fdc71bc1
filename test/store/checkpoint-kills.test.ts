import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'

const script = fileURLToPath(new URL('./support/checkpoint-life.js', import.meta.url))

let scratch: string
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'checkpoint-kills-'))
})
afterAll(() => rmSync(scratch, { recursive: true }))

/** Runs a scene; after each of its steps it looks at what a kill and three power cuts would leave. */
function live(scene: string, ...sabotage: string[]) {
  const directory = mkdtempSync(join(scratch, `${scene}-`))
  const { stdout, stderr } = spawnSync(process.execPath, [script, directory, scene, ...sabotage], { encoding: 'utf8' })
  expect(stderr).toBe('')
  const lines = stdout.trimEnd().split('\n')
  expect(lines.at(-1)).toBe('ended')
  const of = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1))
  return { steps: of('step'), resumed: of('resumed').map(Number), bad: of('bad') }
}

describe('a kill or a power cut at any step leaves the old or the whole new', () => {
  test('while a checkpoint is written', () => {
    const { steps, bad } = live('write')
    expect(bad).toEqual([])
    expect(steps.filter((step) => step.startsWith('write')).length).toBeGreaterThan(20)
    // The names are flushed where they are made and where they end.
    const order = ['flush group-3/writing-', 'rename group-3/000000000020', 'flush group-3', 'the acknowledgement']
    const last = steps.map((step) => step.replace(/-(?!3).{6}(\/.*)?$/, '-$1')).slice(-4)
    expect(last).toEqual(order)
  })

  test('while one takes the place of another of its instance', () => {
    const { steps, bad } = live('replace')
    expect(bad).toEqual([])
    expect(steps).toContain('rename group-3/replaced-000000000020')
  })

  test('while one is removed, and deleted in slices', () => {
    const { steps, bad } = live('remove')
    expect(bad).toEqual([])
    expect(steps[0]).toBe('rename group-3/removed-000000000010-0')
    expect(steps.filter((step) => step === 'truncate group-3/removed-000000000010-0/data').length).toBeGreaterThan(1)
  })

  test('while one is received; and what came goes on at every part', () => {
    const { resumed, bad } = live('receive')
    expect(bad).toEqual([])
    const parts = Math.max(...resumed)
    expect(parts).toBeGreaterThan(20)
    expect(new Set(resumed)).toEqual(new Set(Array.from({ length: parts }, (_, i) => i + 1)))
  })
})

describe('the harness catches', () => {
  test.each(['write', 'replace', 'receive'])('files that are not flushed: %s', (scene) => {
    expect(live(scene, 'files').bad.join('\n')).toMatch(/is damaged/)
  })

  test.each(['write', 'receive'])('names that are not flushed: %s', (scene) => {
    expect(live(scene, 'directories').bad.join('\n')).toMatch(/group-3\/,group-3\/000000000020\/ is not flushed/)
  })
})
