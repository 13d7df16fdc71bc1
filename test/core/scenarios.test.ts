import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { play } from './scenario.js'

/** The transcripts lie beside the source: this file runs from `dist`. */
const FOLDER = fileURLToPath(new URL('../../../test/core/scenarios/', import.meta.url))

const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))

test.each(names)('%s happens as written', (name) => {
  const path = `${FOLDER}${name}`
  const written = readFileSync(path, 'utf8')
  const happened = play(written)
  if (process.env.UPDATE_SCENARIOS) writeFileSync(path, happened)
  else expect(happened).toBe(written)
})

test('all the scenarios are there', () => {
  expect(names.length).toBeGreaterThanOrEqual(8)
})
