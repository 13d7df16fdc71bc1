// A process of its own, because a damaged environment may crash it: reads the trace of a workload, opens every image of
// a power cut, and says `image` before and `good` or `bad` after each. Arguments: trace, directory of the store, scratch directory,
// seed and number of commits of the workload, variants per event, number of images wanted.
import { mkdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../../src/base/random.js'
import { LmdbLogStore } from '../../../src/store/lmdb-log-store.js'
import { isStoreError } from '../../../src/store/store-error.js'
import { diskHistory, replay } from './disk-history.js'
import { type Image, powerCuts } from './power-cut.js'
import { readTrace } from './system-calls.js'
import { difference, expectations, VOTER, workload } from './workload.js'

const [trace = '', directory = '', scratch = '', seed, commits, variants, most] = process.argv.slice(2)
const expected = expectations(workload(Number(seed), Number(commits)))
const say = (line: string) => writeSync(1, `${line}\n`)

/** Undefined if the store holds every acknowledged commit, and at most the one that was in flight besides. */
function verdict({ file, said }: Image): string | undefined {
  const path = join(scratch, 'image')
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'data.mdb'), file)
  const acknowledged = said.length - 1
  try {
    const store = new LmdbLogStore({ path, voterId: VOTER })
    try {
      // Nothing was promised to anyone before the birth was acknowledged.
      if (acknowledged < 0) return undefined
      const differs = difference(store, expected[acknowledged] ?? new Map())
      if (differs === undefined) return undefined
      const next = expected[acknowledged + 1]
      return next !== undefined && difference(store, next) === undefined ? undefined : differs
    } finally {
      store.close()
    }
  } catch (error) {
    return acknowledged < 0 && isStoreError(error) ? undefined : String((error as Error).message)
  }
}

const history = diskHistory(readTrace(trace), 'data.mdb', directory, `${directory}.new`)
if (Buffer.compare(replay(history), readFileSync(join(directory, 'data.mdb'))) !== 0)
  say('bad replay: the trace does not give the file')
const random = new Random(Number(seed))
for (const image of powerCuts(history, Number(variants), Number(most), random)) {
  say(`image ${image.name}, ${image.said.at(-1) ?? 'nothing'} acknowledged`)
  const bad = verdict(image)
  say(bad === undefined ? 'good' : `bad ${bad}`)
}
