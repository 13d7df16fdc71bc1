import { StoreError } from './store-error.js'

/** A part of a checkpoint that is not what was written. */
export function damagedCheckpoint(path: string, what: string, cause?: unknown): StoreError {
  const todo = 'Nothing of it is used. Remove it: the group takes another one, or asks a peer for one.'
  return new StoreError('CHECKPOINT_DAMAGED', `${path} is damaged: ${what}. ${todo}`, { path, cause })
}

/** Of a call that should have written: DISK_FULL or STORAGE_FAILED. */
export function unwritableCheckpoint(path: string, error: unknown): StoreError {
  const { code, message } = error as { code?: unknown; message?: string }
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const todo = full ? 'Free space on its disk; the next checkpoint then succeeds.' : 'Look at the disk.'
  const text = `The checkpoint in ${path} cannot be written: ${message}. ${todo}`
  return new StoreError(full ? 'DISK_FULL' : 'STORAGE_FAILED', text, { path, cause: error })
}

/** Of a call that should have read: what is missing or what the disk cannot read any more is damaged. */
export function unreadableCheckpoint(path: string, error: unknown): StoreError {
  const { code, message } = error as { code?: unknown; message?: string }
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'EIO')
    return damagedCheckpoint(path, String(message), error)
  return new StoreError(
    'STORAGE_FAILED',
    `${path} cannot be read: ${message}. See to it that this process may read it.`,
    {
      path,
      cause: error,
    },
  )
}
