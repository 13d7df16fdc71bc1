import type { GroupIndex } from '../base/numbers.js'
import type { LmdbEnvironment } from './lmdb-environment.js'
import { KEY_BYTES, MAX_GROUPS } from './log-keys.js'
import { type BlockPlace, blockKey, GENERATIONS, generationKey, placeOfKey } from './state-keys.js'

/** Blocks that may be missing one after another before it is better to ask where the next one is. */
const MOST_MISSES = 100

/** The first block of a generation that is not alive. */
export function findGarbage(
  env: LmdbEnvironment,
  isLive: (group: GroupIndex, generation: number) => boolean,
): BlockPlace | undefined {
  const end = generationKey(MAX_GROUPS, 0)
  for (let from = generationKey(0, 0); ; ) {
    const key = env.firstKey(from, end)
    if (key === undefined) return undefined
    const place = placeOfKey(key)
    if (!isLive(place.group, place.generation)) return place
    from = generationKey(place.group, place.generation + 1)
  }
}

/**
 * Inside a transaction: removes about `maxBytes` of blocks from this one on. Returns where to go on, or undefined if it is
 * better to ask.
 */
export function removeGarbage(
  env: LmdbEnvironment,
  { group, generation, block }: BlockPlace,
  maxBytes: number,
): BlockPlace | undefined {
  const key = new Uint8Array(KEY_BYTES)
  let bytes = 0
  let misses = 0
  for (let at = block; misses < MOST_MISSES; at++) {
    if (bytes >= maxBytes) return { group, generation, block: at }
    if (env.get(blockKey(key, group, generation, at)) === undefined) {
      misses++
      continue
    }
    misses = 0
    bytes += env.lastLength
    env.remove(key)
  }
  return undefined
}

/** A generation that no block has, and that is not `taken` either. */
export function freeGeneration(env: LmdbEnvironment, group: GroupIndex, taken: readonly number[]): number | undefined {
  for (let generation = 0; generation < GENERATIONS; generation++) {
    if (taken.includes(generation)) continue
    if (env.firstKey(generationKey(group, generation), generationKey(group, generation + 1)) === undefined)
      return generation
  }
  return undefined
}
