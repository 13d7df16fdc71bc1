import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { SHORT } from './configurations.js'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

/** In a process of its own: within jest's realm every global costs so much that the search takes ten times as long. */
test('every order within the short bounds, and no rule broken', () => {
  const run = spawnSync(process.execPath, ['--max-old-space-size=2048', MAIN, '--short'], { encoding: 'utf8' })
  const lines = run.stdout.trimEnd().split('\n')
  console.log(run.stdout)
  expect(run.status).toBe(0)
  expect(lines.filter((line) => line.endsWith('complete'))).toHaveLength(SHORT.length)
  // A search that finds next to nothing has lost its way.
  const states = lines.map((line) => Number(/(\d+) states/.exec(line)?.[1]))
  for (const count of states) expect(count).toBeGreaterThan(100_000)
}, 240_000)
