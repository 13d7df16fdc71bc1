import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The compiled tree this file runs from, and the checkout around it. */
const DIST = fileURLToPath(new URL('../../../', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** One change to one compiled file under src: `find` must be there exactly once. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly put: string
}

/**
 * Copies the compiled store and the programs of its tests to `tree`, with a bug planted; production code carries no switches for
 * bugs. Returns the directory of the programs.
 */
export function plantedTree(tree: string, edits: readonly Edit[]): string {
  const programs = join(tree, 'test/store/support')
  mkdirSync(tree, { recursive: true })
  for (const folder of ['src', 'test/store/support'])
    cpSync(join(DIST, folder), join(tree, folder), { recursive: true, filter: (path) => !/\.(d\.ts|map)$/.test(path) })
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  writeFileSync(join(tree, 'package.json'), '{"type":"module"}')
  for (const { file, find, put } of edits) {
    const path = join(tree, 'src', file)
    const parts = readFileSync(path, 'utf8').split(find)
    // A bug that is not planted is never caught, or worse: a test that says it was.
    if (parts.length !== 2) throw new Error(`${file} holds this text ${parts.length - 1} times, not once: ${find}`)
    writeFileSync(path, parts.join(put))
  }
  return programs
}
