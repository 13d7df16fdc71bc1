import { Random } from '../../../src/base/random.js'
import { LmdbStateStore } from '../../../src/store/lmdb-state-store.js'
import { at, bytes, changesOf, patterned, text, write } from './state-values.js'
import { VOTER } from './workload.js'

/** What a group held at each of its positions: as JSON, so that another process can compare with it. */
export type StatesByPosition = Record<number, Record<string, string>>

export const STATE_GROUPS = [0, 1]
const MACHINE = 1

/**
 * A store with two groups that has seen everything: random keys, overwriting, removal, large values, large built-in
 * states, a load in place of an earlier state, and its garbage partly collected.
 */
export function makeStateStore(path: string, seed: number): StatesByPosition[] {
  const store = new LmdbStateStore({ path, voterId: VOTER })
  const random = new Random(seed)
  const states = STATE_GROUPS.map((): StatesByPosition => ({}))
  const now: Record<string, string>[] = STATE_GROUPS.map(() => ({}))
  const commit = (group: number, position: number, edits: Record<string, string | undefined>, builtInBytes: number) => {
    const content = now[group] ?? {}
    for (const [key, value] of Object.entries(edits)) {
      if (value === undefined) delete content[key]
      else content[key] = value
    }
    store.commit([{ ...write(group, position, edits, MACHINE), position: at(position, builtInBytes) }])
    ;(states[group] ?? {})[position] = { ...content }
  }
  for (const group of STATE_GROUPS) store.load(group)
  for (let round = 1; round <= 6; round++) {
    for (const group of STATE_GROUPS) {
      const edits: Record<string, string | undefined> = {}
      for (let n = 0; n < 60; n++) {
        const key = `key-${random.below(400)}`
        edits[key] = random.chance(0.2) ? undefined : (text(patterned(100 + random.below(80), random.below(255))) ?? '')
      }
      if (round === 2) edits.big = text(patterned(40_000, group)) ?? ''
      commit(group, round, edits, round % 2 === 0 ? 3000 : 30)
    }
    if (round === 3) {
      const load = store.beginLoad(1)
      const content = { ...now[1], loaded: 'yes' }
      load.add(
        MACHINE,
        changesOf(content).map(({ key, value }) => ({ key, value: value ?? bytes('') })),
      )
      load.finish(at(3, 30))
      now[1] = content
      ;(states[1] ?? {})[3] = { ...content }
      store.collect(20_000)
    }
  }
  store.close()
  return states
}
