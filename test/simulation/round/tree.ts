import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The compiled tree this file runs from, and the checkout around it. */
const DIST = fileURLToPath(new URL('../../../', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** One change to one compiled file under src: `find` must be there exactly once, white space aside. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly put: string
}

const SIMULATED_ENVIRONMENT =
  "export { SimEnvironment as LmdbEnvironment } from '../../test/simulation/round/sim-environment.js'\n" +
  "export const isShared = (bytes) => bytes.buffer[Symbol.toStringTag] === 'SharedArrayBuffer'\n"

const SIMULATED_JOURNAL =
  "export { SimJournalFile as JournalFile } from '../../test/simulation/round/sim-journal-file.js'\n"

/**
 * Runs the simulation over a copy of the compiled program in which the real log store has a simulated environment and a
 * simulated journal below it, and `edits` are planted. Production code carries no switches, neither for disks nor for bugs.
 */
export function runInTree(
  args: readonly string[],
  edits: readonly Edit[],
  stdio: 'pipe' | 'inherit',
): SpawnSyncReturns<string> {
  const tree = mkdtempSync(join(tmpdir(), 'rounds-'))
  try {
    for (const folder of ['src', 'test']) copyCode(join(DIST, folder), join(tree, folder))
    symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
    writeFileSync(join(tree, 'package.json'), '{"type":"module"}')
    writeFileSync(join(tree, 'src/store/lmdb-environment.js'), SIMULATED_ENVIRONMENT)
    writeFileSync(join(tree, 'src/store/journal-file.js'), SIMULATED_JOURNAL)
    for (const edit of edits) plant(tree, edit)
    const main = join(tree, 'test/simulation/round/tree-main.js')
    return spawnSync(process.execPath, ['--enable-source-maps', main, ...args], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio,
      timeout: 24 * 3600 * 1000,
    })
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

const TEST_FOLDERS = ['simulation', 'support']

function copyCode(from: string, to: string): void {
  const isTest = from.endsWith('test')
  for (const name of readdirSync(from)) {
    if (isTest && !TEST_FOLDERS.includes(name)) continue
    cpSync(join(from, name), join(to, name), { recursive: true, filter: (path) => !path.endsWith('.d.ts') })
  }
}

function plant(tree: string, { file, find, put }: Edit): void {
  const path = join(tree, 'src', file)
  const text = readFileSync(path, 'utf8')
  const pattern = new RegExp(find.trim().split(/\s+/).map(escaped).join('\\s+'), 'g')
  const places = text.match(pattern)?.length ?? 0
  // A bug that is not planted is never caught, or worse: a test that says it was.
  if (places !== 1) throw new Error(`${file} holds this text ${places} times, not once: ${find}`)
  writeFileSync(
    path,
    text.replace(pattern, () => put),
  )
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
