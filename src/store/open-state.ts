import { existsSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { flushPath } from './durable-files.js'
import { LmdbStateStore, type LmdbStateStoreOptions } from './lmdb-state-store.js'
import { isStoreError, type StoreError } from './store-error.js'

/**
 * Opens the state environment of a store. One that is damaged as a whole is moved aside, never deleted, and told of: no
 * vote depends on it, and checkpoints and the log rebuild what was in it.
 */
export function openStateStore(
  options: LmdbStateStoreOptions,
  setAside: (error: StoreError, aside: string) => void,
): LmdbStateStore {
  try {
    return new LmdbStateStore(options)
  } catch (error) {
    if (!isStoreError(error) || error.code !== 'STORE_DAMAGED') throw error
    const aside = moveAside(options.path)
    setAside(error, aside)
    return new LmdbStateStore(options)
  }
}

function moveAside(path: string): string {
  let number = 1
  while (existsSync(`${path}-damaged-${number}`)) number++
  const aside = `${path}-damaged-${number}`
  renameSync(path, aside)
  flushPath(dirname(path))
  return aside
}
