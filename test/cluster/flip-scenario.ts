import { Random } from '../../src/base/random.js'
import { FlipPlaces, type PlaceKind } from './flip-places.js'
import { FlipStage } from './flip-stage.js'
import { FlipTrial, type Outcome, type TrialResult } from './flip-trial.js'

export interface FlipOptions {
  readonly positions: number
  readonly groups: number
  /** Of all groups together. */
  readonly keys: number
  readonly bytes: number
  /** Instances between two checkpoints while the data are made. */
  readonly checkpointEvery: number
  /** How long the harmed node may take until it answers for a group. */
  readonly limitMs: number
  /**
   * How often it may have to be stopped and started again because a group has failed: damage that is found in a running
   * node ends its voter at the next start only (docs/storage.md).
   */
  readonly restarts: number
  readonly seed: number
  readonly log: (line: string) => void
}

interface KindCount extends Partial<Record<Outcome, number>> {
  positions: number
  crashes: number
  restarts: number
}

/** One byte of a node's data changed, at many places: it never answers wrongly, and is well again or has ended its voter. */
export async function flipScenario(options: FlipOptions) {
  const { positions, limitMs, restarts, seed, log } = options
  const random = new Random(seed)
  const began = performance.now()
  // What is written is drawn apart: callers that run side by side take turns in another order each time.
  const stage = await FlipStage.start({ ...options, random: new Random(seed + 1) })
  const counts = new Map<PlaceKind, KindCount>()
  const codes: Record<string, number> = {}
  const problems: string[] = []
  let slowestMs = 0
  try {
    await stage.prepare()
    const places = new FlipPlaces(stage.baseDir)
    log(`${((performance.now() - began) / 1000).toFixed(1)} s until there was data: ${places.kinds.join(', ')}`)
    for (let position = 1; position <= positions; position++) {
      const place = places.draw(random)
      const result = await new FlipTrial(stage, limitMs, restarts).run(place)
      count(counts, place.kind, result)
      for (const code of result.codes) codes[code] = (codes[code] ?? 0) + 1
      const where = `${place.kind}, byte ${place.at} of ${place.file} ^ ${place.mask}`
      for (const problem of result.problems) {
        log(`  ${problem}`)
        problems.push(`${where}: ${problem}`)
      }
      slowestMs = Math.max(slowestMs, result.ms)
      const ends = [`${result.crashes} crashes`, `${result.restarts} restarts`].filter((end) => !end.startsWith('0'))
      const said = [...result.codes, ...ends].join(' ')
      log(
        `${position}: ${where}: ${result.outcome} ${said} in ${Math.round(result.ms)} ms, ${problems.length} problems`,
      )
    }
    const seconds = (performance.now() - began) / 1000
    const ok = problems.length === 0
    return {
      ok,
      problems: problems.slice(0, 50),
      positions,
      kinds: Object.fromEntries(counts),
      codes,
      seconds,
      slowestMs,
    }
  } finally {
    await stage.cluster.end()
  }
}

function count(counts: Map<PlaceKind, KindCount>, kind: PlaceKind, { outcome, crashes, restarts }: TrialResult): void {
  const row = counts.get(kind) ?? { positions: 0, crashes: 0, restarts: 0 }
  row.positions++
  row.crashes += crashes
  row.restarts += restarts
  row[outcome] = (row[outcome] ?? 0) + 1
  counts.set(kind, row)
}
