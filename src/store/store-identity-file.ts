import type { GroupIndex } from '../base/numbers.js'
import type { VoterId } from '../core/membership.js'
import type { LmdbEnvironment } from './lmdb-environment.js'
import { BALLAST_RECORD_BYTES, BALLAST_RECORDS, ballastKey, identityKey, KEY_BYTES, ownerKey } from './log-keys.js'
import { StoreError } from './store-error.js'
import { decodeIdentity, encodeIdentity, STORE_FORMAT, type StoreIdentity } from './store-identity.js'

/** What happens inside a transaction needs no more of it. */
type IdentityEnvironment = Pick<LmdbEnvironment, 'path' | 'lastLength' | 'get' | 'put'>

/**
 * Reads who an environment belongs to, before anything is written to it, and refuses one that is damaged, newer, or
 * another voter's. Returns what it says of itself; undefined for a new one.
 */
export function openIdentity(env: LmdbEnvironment, voterId: VoterId): StoreIdentity | undefined {
  const { path } = env
  const first = readCopy(env, 0)
  const identity = first ?? readCopy(env, 1)
  if (identity === undefined) {
    if (env.isEmpty()) return undefined
    const message = `${path} holds data, but neither copy of its identity is readable. Set it aside and join again.`
    throw new StoreError('STORE_DAMAGED', message, { path })
  }
  if (!isKnown(identity)) {
    const message = `${path} has format ${identity.format}, this program knows ${STORE_FORMAT}. Run the newer version.`
    throw new StoreError('FORMAT_UNKNOWN', message, { path })
  }
  if (identity.voterId !== voterId) {
    const message = `${path} belongs to voter ${identity.voterId}, the manifest says ${voterId}. It was moved or copied here: put the right directory back, or remove it.`
    throw new StoreError('STORE_FOREIGN', message, { path })
  }
  return identity
}

/** Inside a transaction: from now on whoever opened the environment before is fenced off. */
export function takeOwnership(env: IdentityEnvironment, token: Uint8Array): void {
  env.put(ownerKey(new Uint8Array(KEY_BYTES)), token)
}

/**
 * Inside the transaction of every commit. Two processes on one directory would each overwrite heads with what they
 * remember, and lose promises; the lock of the data directory cannot see into other containers, this can.
 */
export function checkOwnership(env: IdentityEnvironment, key: Uint8Array, token: Uint8Array): void {
  const owner = env.get(ownerKey(key))
  let same = owner !== undefined && env.lastLength === token.length
  for (let i = 0; same && i < token.length; i++) same = owner?.[i] === token[i]
  if (same) return
  const message = `${env.path} was opened a second time, by another process or thread, and is theirs now. Run one of them.`
  throw new StoreError('DATA_DIR_IN_USE', message, { path: env.path })
}

/** Inside a transaction. The ballast goes with the first one (see log-keys). */
export function writeIdentity(env: IdentityEnvironment, voterId: VoterId, groups: readonly GroupIndex[]): void {
  const bytes = encodeIdentity({ format: STORE_FORMAT, voterId, groups: [...groups].sort((a, b) => a - b) })
  const key = new Uint8Array(KEY_BYTES)
  if (env.get(ballastKey(key, 0)) === undefined) {
    const ballast = new Uint8Array(BALLAST_RECORD_BYTES)
    for (let i = 0; i < BALLAST_RECORDS; i++) env.put(ballastKey(key, i), ballast)
  }
  env.put(identityKey(key, 0), bytes)
  env.put(identityKey(key, 1), bytes)
}

function readCopy(env: LmdbEnvironment, copy: 0 | 1): StoreIdentity | { format: number } | undefined {
  return env.view(() => {
    const bytes = env.get(identityKey(new Uint8Array(KEY_BYTES), copy))
    return bytes === undefined ? undefined : decodeIdentity(bytes, env.lastLength)
  })
}

function isKnown(identity: StoreIdentity | { format: number }): identity is StoreIdentity {
  return 'groups' in identity
}
