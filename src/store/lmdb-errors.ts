import { StoreError, type StoreErrorCode } from './store-error.js'

// LMDB gives numbers: those of the system (errno) and its own, all between -30800 and -30780.
const ENOSPC = 28
const EDQUOT = 122
const MDB_MAP_FULL = -30792
const damage = new Map([
  [-30797, 'a page that the index names is missing'],
  [-30796, 'a page has the wrong type'],
  [-30793, 'the file is not an LMDB environment'],
  [-30794, 'the environment has another LMDB version'],
])

/**
 * What LMDB says when its index contradicts itself; a failing disk may lead to the first two as well. Whoever loses votes by
 * giving up a store must not take these for damage.
 */
const contradictions = new Map<unknown, string>([
  [-30782, 'a transaction failed within itself'],
  [-30779, 'its index contradicts itself'],
  [-30787, 'its index is deeper than it can be'],
  [-30799, 'its index has a key twice'],
  [-30781, 'its index has a key of an impossible length'],
  [-30784, 'it changed in a way that nobody changes it'],
  ['EFBIG', 'it claims to be larger than a file can be'],
  [27, 'it names a page behind the end of any file'],
])

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined
}

/**
 * The typed form of what LMDB threw while it was `doing` something to the environment at `path`. `isRebuildable`: what is
 * in it can be had again, and an environment that fails in the same way for ever is worse than one that is given up.
 */
export function lmdbStoreError(error: unknown, doing: string, path: string, isRebuildable = false): StoreError {
  const code = codeOf(error)
  const said = error instanceof Error || codeOf(error) !== undefined ? (error as Error).message : String(error)
  const details = { path, cause: error }
  if (code === ENOSPC || code === EDQUOT || code === MDB_MAP_FULL || code === 'ENOSPC' || code === 'EDQUOT') {
    const todo = 'Make space on that file system, then open the store again.'
    return new StoreError('DISK_FULL', `${doing} ${path} found no space: ${said}. ${todo}`, details)
  }
  const contradiction = isRebuildable ? contradictions.get(code) : undefined
  const found = typeof code === 'number' ? (damage.get(code) ?? contradiction) : contradiction
  if (found !== undefined) {
    const todo = isRebuildable
      ? 'The store is to be set aside, and what was in it to be rebuilt.'
      : 'The store is to be set aside, and its groups to be joined again from their peers.'
    return new StoreError('STORE_DAMAGED', `${doing} ${path} found damage: ${found} (${said}). ${todo}`, details)
  }
  const failed: StoreErrorCode = 'STORAGE_FAILED'
  const todo = 'Nothing more is written there until the store was opened again and has proved itself.'
  return new StoreError(failed, `${doing} ${path} failed: ${said} (code ${String(code)}). ${todo}`, details)
}
