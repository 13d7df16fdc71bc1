import { LmdbStateStore, type LmdbStateStoreOptions } from './lmdb-state-store.js'
import { moveAside } from './set-aside.js'
import { isStoreError, type StoreError } from './store-error.js'

/**
 * Opens the state environment of a store. One that is damaged as a whole is moved aside, never deleted, and told of: no
 * vote depends on it, and checkpoints and the log rebuild what was in it. `damaged`: that is known already.
 */
export function openStateStore(
  options: LmdbStateStoreOptions,
  setAside: (error: StoreError, aside: string) => void,
  damaged?: StoreError,
): LmdbStateStore {
  if (damaged !== undefined) setAside(damaged, moveAside(options.path))
  try {
    return new LmdbStateStore(options)
  } catch (error) {
    if (!isStoreError(error) || error.code !== 'STORE_DAMAGED' || damaged !== undefined) throw error
    return openStateStore(options, setAside, error)
  }
}
