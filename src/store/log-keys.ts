import type { GroupIndex, Instance } from '../base/numbers.js'

/**
 * The keys of a log environment: 8 bytes, big endian, a prefix (u16) and a number (u48). In order:
 *
 * ```
 * 0x0000  0              identity of the store
 * 0x0000  group + 1      first copy of the head of a group
 * 0x0000  0xfffe00000000 token of whoever opened the store last
 * 0x0000  0xfffe00000001 first copy of what it says of its journal
 * 0x0000  0xffff00000000 ballast: more than one page of it, never touched again
 * 0x0000  0xffff80000000 second copy of what it says of its journal
 * 0x0000  0xffff80000000 + group + 1
 *                        second copy of its head
 * 0x0000  2^48 - 1       second copy of the identity
 * group+1 instance       the records of a group
 * ```
 *
 * Nothing stands behind the newest records of the last group: LMDB splits a full page in the middle, unless what comes is
 * the last of all,
 * and pages that only grow at their ends would stay half empty for ever. The ballast keeps the two copies of a
 * head on different pages even while the whole tree is small: damage to one page leaves the other copy readable.
 */
export const KEY_BYTES = 8
/** The prefix 0 is taken. */
export const MAX_GROUPS = 0xfffe
export const MAX_INSTANCE = 2 ** 48 - 1
export const BALLAST_RECORDS = 6
export const BALLAST_RECORD_BYTES = 1000

const LAST = 2 ** 48 - 1
const OWNER = 0xfffe * 2 ** 32
const BALLAST = 0xffff * 2 ** 32
const SECOND_HEADS = BALLAST + 2 ** 31

function put(key: Uint8Array, prefix: number, number: number): Uint8Array {
  const high = (number / 4294967296) >>> 0
  const low = number >>> 0
  key[0] = prefix >>> 8
  key[1] = prefix
  key[2] = high >>> 8
  key[3] = high
  key[4] = low >>> 24
  key[5] = low >>> 16
  key[6] = low >>> 8
  key[7] = low
  return key
}

// Each fills the key that it is given and returns it, so that a store needs one for all.

export function recordKey(key: Uint8Array, group: GroupIndex, instance: Instance): Uint8Array {
  return put(key, group + 1, instance)
}

export function headKey(key: Uint8Array, group: GroupIndex, copy: 0 | 1): Uint8Array {
  return put(key, 0, (copy === 0 ? 0 : SECOND_HEADS) + group + 1)
}

export function identityKey(key: Uint8Array, copy: 0 | 1): Uint8Array {
  return put(key, 0, copy === 0 ? 0 : LAST)
}

export function ownerKey(key: Uint8Array): Uint8Array {
  return put(key, 0, OWNER)
}

export function journalKey(key: Uint8Array, copy: 0 | 1): Uint8Array {
  return put(key, 0, copy === 0 ? OWNER + 1 : SECOND_HEADS)
}

export function ballastKey(key: Uint8Array, index: number): Uint8Array {
  return put(key, 0, BALLAST + index)
}

/** The instance in the key of a record. */
export function instanceOfKey(key: Uint8Array): Instance {
  const [, , a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = key
  return a * 2 ** 40 + b * 2 ** 32 + c * 2 ** 24 + d * 2 ** 16 + e * 2 ** 8 + f
}
