import { runInTree } from '../tree.js'
import { PLANTED_ROUND_BUGS, type PlantedRoundBug } from './bugs.js'

export interface Catch {
  readonly bug: string
  readonly caught: boolean
  /** Seeds tried, and the last of them. */
  readonly seeds: number
  readonly seed: number
  readonly ms: number
  /** The rule it broke. */
  readonly how: string
}

/** Runs the simulation with `bug` in the code under test, from `firstSeed` on. */
export function catchBug(bug: PlantedRoundBug, firstSeed: number, seeds: number): Catch {
  const began = performance.now()
  const args = ['--quiet', '--trace', '0', '--first-seed', String(firstSeed), '--seeds', String(seeds)]
  if (bug.badDisks) args.push('--bad-disks')
  const { status, stdout, stderr } = runInTree(args, bug.edits, 'pipe')
  const totals = /^(\d+) seeds, /m.exec(stdout)
  if (totals === null) throw new Error(`${bug.name}: the simulation did not finish: ${stdout.slice(-4000)}${stderr}`)
  const failed = /^seed (\d+) after \d+ rounds, \d+ virtual ms: (?:\w+: )?(.*)$/m.exec(stdout)
  return {
    bug: bug.name,
    caught: status === 1 && failed !== null,
    seeds: Number(totals[1]),
    seed: Number(failed?.[1] ?? 0),
    ms: performance.now() - began,
    how: failed?.[2] ?? '',
  }
}

export const TABLE_HEAD = `${'bug'.padEnd(56)} ${'seeds'.padStart(12)} ${'ms'.padStart(6)}  broken rule`

export function tableLine({ bug, caught, seeds, seed, ms, how }: Catch): string {
  const found = caught ? `${seeds} (${seed})` : `none in ${seeds}`
  return `${bug.padEnd(56)} ${found.padStart(12)} ${ms.toFixed(0).padStart(6)}  ${how.slice(0, 110)}`
}

/** All bugs whose name holds `only`, by their own seeds or by the first that finds them; false if one is not caught. */
export function printPlanted(find: boolean, only: string): boolean {
  let all = true
  console.log(TABLE_HEAD)
  for (const bug of PLANTED_ROUND_BUGS) {
    if (!bug.name.includes(only)) continue
    const row = find ? catchBug(bug, 1, 300) : catchBug(bug, bug.seed, 1)
    console.log(tableLine(row))
    all &&= row.caught
  }
  return all
}
