import { assert } from '../base/assert.js'
import type { GroupIndex } from '../base/numbers.js'
import { isShared } from './lmdb-environment.js'
import {
  MAX_MACHINE_ID,
  MAX_STATE_KEY_BYTES,
  MAX_STATE_VALUE_BYTES,
  type StatePosition,
  type StateWrite,
} from './state-store.js'
import { compareKeys } from './state-tree.js'

/** Refuses what would lose or confuse something, before anything is written. `was`: the position of the last commit. */
export function checkStateWrite({ group, position, changes }: StateWrite, was: StatePosition | undefined): void {
  const from = was?.executedUpTo ?? 0
  assert(
    Number.isSafeInteger(position.executedUpTo) && position.executedUpTo >= from,
    `group ${group}: executedUpTo may not go from ${from} to ${position.executedUpTo}`,
  )
  for (const [machine, ofMachine] of changes) {
    let last: Uint8Array | undefined
    for (const { key, value } of ofMachine) {
      checkStateEntry(group, machine, key, value, last)
      last = key
    }
  }
}

/** `last`: the key before it, which must be lower. */
export function checkStateEntry(
  group: GroupIndex,
  machine: number,
  key: Uint8Array,
  value: Uint8Array | undefined,
  last: Uint8Array | undefined,
): void {
  const isMachine = Number.isInteger(machine) && machine >= 0 && machine <= MAX_MACHINE_ID
  if (!isMachine) assert(false, `group ${group}: no machine can have the id ${machine}`)
  const fits = key.length <= MAX_STATE_KEY_BYTES && (value === undefined || value.length <= MAX_STATE_VALUE_BYTES)
  if (!fits)
    assert(false, `group ${group}: a key of ${key.length} bytes with a value of ${value?.length ?? 0} is too large`)
  if (isShared(key) || (value !== undefined && isShared(value)))
    assert(false, `group ${group}: an entry lies in memory that threads share: copy it first`)
  if (last !== undefined && compareKeys(last, key) >= 0)
    assert(false, `group ${group}: the keys of machine ${machine} are not in ascending order`)
}
