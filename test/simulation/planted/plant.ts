import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Edit, PlantedBug } from './planted-bug.js'

/** The compiled tree this file runs from. */
const DIST = fileURLToPath(new URL('../../../', import.meta.url))

export interface Catch {
  readonly bug: string
  readonly caught: boolean
  /** Seeds tried, the last of them the one that caught it. */
  readonly seeds: number
  readonly seed: number
  readonly steps: number
  readonly ms: number
  /** The rule it broke. */
  readonly how: string
}

/** Runs the simulator over a copy of the compiled core with `bug` in it. Production code carries no switches for bugs. */
export function runPlanted(bug: PlantedBug, args: readonly string[]): SpawnSyncReturns<string> {
  const tree = mkdtempSync(join(tmpdir(), 'planted-'))
  try {
    for (const folder of ['src/base', 'src/core', 'test/simulation', 'test/support']) {
      mkdirSync(join(tree, folder), { recursive: true })
      cpSync(join(DIST, folder), join(tree, folder), { recursive: true })
    }
    writeFileSync(join(tree, 'package.json'), '{"type":"module"}')
    for (const edit of bug.edits) plant(tree, edit)
    const shape = [...(bug.scenario ? [`--${bug.scenario}`] : []), ...(bug.nodes ? ['--nodes', String(bug.nodes)] : [])]
    return spawnSync(process.execPath, [join(tree, 'test/simulation/main.js'), ...shape, ...args], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      timeout: 300_000,
    })
  } finally {
    rmSync(tree, { recursive: true, force: true })
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

/** Tries seeds from `firstSeed` on, for `maxSteps` in all. */
export function catchBug(bug: PlantedBug, firstSeed: number, maxSteps: number): Catch {
  const began = performance.now()
  const run = runPlanted(bug, [
    '--quiet',
    '--trace',
    '0',
    '--first-seed',
    String(firstSeed),
    '--steps',
    String(maxSteps),
  ])
  const ms = performance.now() - began
  const failed = /^seed (\d+) after (\d+) steps, [^:]*: (.*)$/m.exec(run.stdout)
  const totals = /^(\d+) seeds from \d+, (\d+) steps/m.exec(run.stdout)
  if (!totals) throw new Error(`the simulator did not finish: ${run.stderr}${run.stdout}`)
  return {
    bug: bug.name,
    caught: run.status === 1 && failed !== null,
    seeds: Number(totals[1]),
    seed: Number(failed?.[1] ?? 0),
    steps: Number(totals[2]),
    ms,
    how: failed?.[3] ?? '',
  }
}

export function tableLine(row: Catch): string {
  const seeds = row.caught ? `${row.seeds} (${row.seed})` : `none in ${row.seeds}`
  return `${row.bug.padEnd(60)} ${seeds.padStart(12)} ${String(row.steps).padStart(9)} ${row.ms.toFixed(0).padStart(6)}  ${row.how.slice(0, 110)}`
}

export const TABLE_HEAD = `${'bug'.padEnd(60)} ${'seeds'.padStart(12)} ${'steps'.padStart(9)} ${'ms'.padStart(6)}  broken rule`
