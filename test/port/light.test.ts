import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

/** All that a compiled module imports, directly and by way of others: files of this program, and the rest by name. */
function importsOf(entry: string): { files: Set<string>; others: Set<string> } {
  const files = new Set<string>()
  const others = new Set<string>()
  const waiting = [entry]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue
    files.add(file)
    const text = readFileSync(file, 'utf8')
    for (const [, name] of text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)) {
      if (name?.startsWith('.')) waiting.push(resolve(dirname(file), name))
      else others.add(name as string)
    }
  }
  return { files, others }
}

const src = fileURLToPath(new URL('../../src', import.meta.url))

test("an application's thread that opens a port loads no socket, no store and none of the host's packages", () => {
  const { files, others } = importsOf(`${src}/port/index.js`)
  expect([...others].sort()).toEqual(['cbor-x/encode', 'node:worker_threads', 'node:zlib'])
  expect([...files].filter((file) => /\/(net|store|worker)\//.test(file))).toEqual([])
})

test('the same look at the node itself finds all of these', () => {
  const { others } = importsOf(`${src}/index.js`)
  for (const name of ['pino', 'piscina', 'zod', 'ws']) expect(others).toContain(name)
})
