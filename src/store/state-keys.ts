import type { GroupIndex } from '../base/numbers.js'
import { instanceOfKey, KEY_BYTES, recordKey } from './log-keys.js'

/**
 * The keys of a state environment. Identity, owner, ballast and the two copies of each head stand where they stand in a
 * log environment (log-keys.ts); in place of a record with its instance there is a block of the group's tree, with
 * `generation * 2^40 + block`. Blocks are numbered from 1 as they are made: the keys of a state are dense, and those of
 * different states of a group, of which one replaces the other, never meet.
 */
export const GENERATIONS = 255
/** Two hundred new blocks each second use them up in 174 years. */
export const MAX_BLOCK = 2 ** 40 - 1

/** Fills the key that it is given. */
export function blockKey(key: Uint8Array, group: GroupIndex, generation: number, block: number): Uint8Array {
  return recordKey(key, group, generation * 2 ** 40 + block)
}

/** Before all blocks of a generation, and behind all of the one before. */
export function generationKey(group: GroupIndex, generation: number): Uint8Array {
  return blockKey(new Uint8Array(KEY_BYTES), group, generation, 0)
}

export interface BlockPlace {
  readonly group: GroupIndex
  readonly generation: number
  readonly block: number
}

export function placeOfKey(key: Uint8Array): BlockPlace {
  const [high = 0, low = 0] = key
  const number = instanceOfKey(key)
  return { group: high * 256 + low - 1, generation: Math.floor(number / 2 ** 40), block: number % 2 ** 40 }
}
