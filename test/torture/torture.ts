import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeWorkDir, removeWorkDir } from '../../native-bench/work-dir.js'
import { buildIoShim } from '../support/io-shim/io-shim.js'
import { runEra } from './era.js'
import { Tally } from './tally.js'

export interface TortureOptions {
  readonly minutes: number
  readonly seed: number
  readonly nodes: number
  readonly groups: number
  readonly clients: number
  readonly rate: number
  readonly roundMs: number
  /** Ends with the first cluster that shows a problem. */
  readonly untilProblem?: boolean
  /** Another program than examples/kv as it was built. */
  readonly main?: string
  /** Where logs and histories of a violation stay; a directory of its own if it is missing. */
  readonly out?: string
  readonly log: (line: string) => void
}

export interface TortureResult {
  readonly ok: boolean
  readonly seed: number
  readonly minutes: number
  readonly eras: number
  readonly faults: Readonly<Record<string, number>>
  readonly kills: number
  readonly diskFaults: number
  readonly operations: { readonly ok: number; readonly unknown: number; readonly failed: number }
  readonly reasons: Readonly<Record<string, number>>
  readonly alarms: Readonly<Record<string, number>>
  readonly checked: number
  readonly undecided: number
  readonly problems: readonly string[]
  /** Kinds of faults that this machine does not permit. */
  readonly skipped: readonly string[]
  /** Where everything lies, if there was a problem. */
  readonly kept: string | undefined
}

/** Every cluster begins with an empty log: nodes that start again execute the whole of it. */
const ERA_MS = 240_000

export async function torture(options: TortureOptions): Promise<TortureResult> {
  const { minutes, seed, main, log, untilProblem = false } = options
  const dir = makeWorkDir('torture', options.out)
  const tally = new Tally()
  const skipped: string[] = []
  const shim = buildIoShim(dir)
  const shimLibrary = 'library' in shim ? shim.library : undefined
  if ('missing' in shim) skipped.push(`errors and delays of the disk, and clocks: ${shim.missing}`)
  const operations = { ok: 0, unknown: 0, failed: 0 }
  const reasons = new Map<string, number>()
  let [checked, undecided, eras] = [0, 0, 0]
  const began = performance.now()
  const progress = (line: string): void => {
    const { kills, diskFaults, problems } = tally
    const faults = `kills ${kills}, pauses ${tally.of('pauses')}, partitions ${tally.of('partitions')}, disk faults ${diskFaults}`
    log(`${clock(performance.now() - began)} ${line}; ${faults}; checked ${checked}, problems ${problems.length}`)
  }
  for (
    const until = began + minutes * 60_000;
    performance.now() < until && !(untilProblem && tally.problems.length > 0);
  ) {
    const number = ++eras
    const ms = Math.min(ERA_MS, until - performance.now())
    const problemsBefore = tally.problems.length
    const eraDir = join(dir, `era-${number}`)
    const files = { dir: eraDir, main, shimLibrary }
    const era = await runEra({ ...options, ...files, number, seed: seed + number, ms, tally, progress })
    for (const name of ['ok', 'unknown', 'failed'] as const) operations[name] += era.counts[name]
    for (const [why, count] of era.reasons) reasons.set(why, (reasons.get(why) ?? 0) + count)
    checked += era.checked
    undecided += era.undecided
    if (!era.bornWithSmallDisk && skipped.every((text) => !text.startsWith('a full disk'))) {
      skipped.push('a full disk: no file system may be mounted here')
    }
    for (const problem of tally.problems.slice(problemsBefore)) log(`PROBLEM ${problem}`)
    progress(`era ${number} checked`)
    if (tally.problems.length === problemsBefore) rmSync(eraDir, { recursive: true, force: true })
  }
  const ok = tally.problems.length === 0
  if (ok) removeWorkDir(dir)
  return {
    ok,
    seed,
    minutes: (performance.now() - began) / 60_000,
    eras,
    faults: Object.fromEntries(tally.faults),
    kills: tally.kills,
    diskFaults: tally.diskFaults,
    operations,
    reasons: Object.fromEntries(reasons),
    alarms: Object.fromEntries(tally.alarms),
    checked,
    undecided,
    problems: tally.problems,
    skipped,
    kept: ok ? undefined : dir,
  }
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`
}
