import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ERROR_CODES } from '../../src/host/error-codes.js'

const text = readFileSync(join(process.cwd(), 'docs/errors.md'), 'utf8')
const rows = text.split('\n').filter((line) => /^\| `/.test(line))

test('docs/errors.md has each code once, in the order of the source, with a cause and something to do', () => {
  const documented = rows.map((row) => /^\| `([A-Z_]+)`/.exec(row)?.[1])
  expect(documented).toEqual([...ERROR_CODES])
  for (const row of rows) expect((row.split('|')[2] ?? '').trim()).not.toBe('')
})
