import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

const checker = fileURLToPath(new URL('../../.ci/boundaries.mjs', import.meta.url))

const check = (...args: string[]) => {
  const { status, stdout } = spawnSync(process.execPath, [checker, ...args], { encoding: 'utf8' })
  return { status, lines: stdout.trimEnd().split('\n') }
}

test('the folders keep to the table, and the check has looked at every module', () => {
  const { status, lines } = check()
  expect(lines).toEqual([expect.stringMatching(/^[1-9]\d* modules, [1-9]\d* plants, 0 problems$/)])
  expect(status).toBe(0)
})

test('a violation planted in another tree is reported with its place', () => {
  const root = mkdtempSync(join(tmpdir(), 'planted-'))
  try {
    mkdirSync(join(root, 'src/core'), { recursive: true })
    writeFileSync(join(root, 'src/core/a.ts'), "export const a = 1\nimport 'lmdb'\n")
    const { status, lines } = check('--root', root)
    expect(lines[0]).toBe('src/core/a.ts:2 src/core may not import the package lmdb')
    expect(status).toBe(1)
  } finally {
    rmSync(root, { recursive: true })
  }
})
