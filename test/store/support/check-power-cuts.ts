// A process of its own, because a damaged environment may crash it: reads the traces of a workload, opens every image of
// a power cut, and says `image` before and `good` or `bad` after each. Its argument is a `PowerCutCheck` as JSON.
import { mkdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../../src/base/random.js'
import { LmdbLogStore } from '../../../src/store/lmdb-log-store.js'
import { isStoreError } from '../../../src/store/store-error.js'
import { type DiskEvent, diskHistory, replay, STORE_FILES } from './disk-history.js'
import { type Image, powerCuts } from './power-cut.js'
import { readTrace } from './system-calls.js'
import { difference, expectations, VOTER, workload } from './workload.js'

export interface PowerCutCheck {
  /** Of the lives of the store, one after the other. */
  readonly traces: readonly string[]
  readonly directory: string
  readonly scratch: string
  readonly seed: number
  readonly commits: number
  /** Per event. */
  readonly variants: number
  /** Images wanted. */
  readonly most: number
  /** One bad image is enough. */
  readonly endsAtBad: boolean
  /** The store was relaxed, in another boot: it may refuse to be opened. */
  readonly isRelaxed?: boolean
}

const { traces, directory, scratch, seed, commits, variants, most, endsAtBad, isRelaxed } = JSON.parse(
  process.argv[2] ?? '',
) as PowerCutCheck
const writes = workload(seed, commits)
const expected = expectations(writes)
const say = (line: string) => writeSync(1, `${line}\n`)
/** After the cut so many more commits are made. */
const GOES_ON = 4

const REFUSED = 'refused'

/** Undefined (or REFUSED, where it was relaxed) if the store holds every acknowledged commit, and at most the one that was in flight besides, and goes on. */
function verdict({ files, said }: Image): string | undefined {
  const path = join(scratch, 'image')
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  for (const [name, bytes] of files) writeFileSync(join(path, name), bytes)
  const acknowledged = said.length - 1
  const opened: LmdbLogStore[] = []
  const open = () => {
    const store = new LmdbLogStore({ path, voterId: VOTER })
    opened.push(store)
    return store
  }
  try {
    const store = open()
    // Nothing was promised to anyone before the birth was acknowledged.
    if (acknowledged < 0) return undefined
    const differs = difference(store, expected[acknowledged] ?? new Map())
    const next = expected[acknowledged + 1]
    if (differs !== undefined && (next === undefined || difference(store, next) !== undefined)) return differs
    const from = differs === undefined ? acknowledged : acknowledged + 1
    const more = writes.slice(from, from + GOES_ON)
    for (const write of more) store.commit(write)
    // The first one is as good as killed: what it left in the journal, beside what the cut left there, the second one finds.
    const later = difference(open(), expected[from + more.length] ?? new Map())
    return later === undefined ? undefined : `${more.length} commits later: ${later}`
  } catch (error) {
    if (isRelaxed === true && /was relaxed/.test(String((error as Error).message))) return REFUSED
    return acknowledged < 0 && isStoreError(error) ? undefined : String((error as Error).message)
  } finally {
    for (const store of opened) store.close()
  }
}

function compareWithFiles(history: readonly DiskEvent[]): void {
  const replayed = replay(history)
  for (const name of ['data.mdb', 'journal']) {
    const bytes = replayed.get(name) ?? Buffer.alloc(0)
    if (Buffer.compare(bytes, readFileSync(join(directory, name))) !== 0)
      say(`bad replay: the traces do not give ${name}`)
  }
}

const history = traces.flatMap((trace) => diskHistory(readTrace(trace), STORE_FILES, directory, `${directory}.new`))
compareWithFiles(history)
const entries = history.flatMap((event) =>
  event.kind === 'write' && event.file === 'journal' && event.offset > 0 ? [event.offset] : [],
)
say(`entries ${entries.length}`)
say(`begun ${entries.filter((at) => at === Math.min(...entries)).length}`)
say(`flushes ${history.filter((event) => event.kind === 'flush' && event.file === 'journal').length}`)
for (const image of powerCuts(history, variants, most, new Random(seed))) {
  say(`image ${image.name}, ${image.said.at(-1) ?? 'nothing'} acknowledged`)
  const bad = verdict(image)
  const isGood = bad === undefined || bad === REFUSED
  say(bad === undefined ? 'good' : isGood ? `good, ${bad}` : `bad ${bad}`)
  if (!isGood && endsAtBad) break
}
