import { existsSync, lstatSync, readdirSync, renameSync, rmdirSync, truncateSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { unwritableCheckpoint } from './checkpoint-errors.js'

/**
 * Deleting takes a file system about a quarter of a second for each gigabyte, too long for the thread of a group. So
 * what is to go is only renamed there, to `removed-...`, and deleted later: in slices, or by a thread that has the time.
 */
const REMOVED = 'removed-'

/** What a file counts for, so that a slice of many small ones ends as well. */
const LEAST_BYTES = 4096

/** Takes something out of the directory of a group, if it is there. In one step: a cut leaves it whole, or gone. */
export function setAside(directory: string, name: string): void {
  let number = 0
  while (existsSync(join(directory, `${REMOVED}${name}-${number}`))) number++
  try {
    renameSync(join(directory, name), join(directory, `${REMOVED}${name}-${number}`))
  } catch (error) {
    if (!isMissing(error)) throw unwritableCheckpoint(join(directory, name), error)
  }
}

/**
 * Deletes about `maxBytes` of what was set aside in the directory of a group; true if there is more. Several threads may
 * do so at once. Throws STORAGE_FAILED.
 */
export function clearRemoved(directory: string, maxBytes = Number.POSITIVE_INFINITY): boolean {
  try {
    let left = maxBytes
    for (const name of namesIn(directory)) {
      if (name.startsWith(REMOVED)) left = clear(join(directory, name), left)
      if (left <= 0) return true
    }
    return false
  } catch (error) {
    throw unwritableCheckpoint(directory, error)
  }
}

/** Returns how much of `maxBytes` is left; nothing left if it was not enough. */
function clear(path: string, maxBytes: number): number {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return maxBytes
  if (stat.isDirectory()) {
    let left = maxBytes
    for (const name of namesIn(path)) {
      left = clear(join(path, name), left)
      if (left <= 0) return 0
    }
    unlessGone(() => rmdirSync(path))
    return left
  }
  if (stat.size > maxBytes) {
    unlessGone(() => truncateSync(path, stat.size - maxBytes))
    return 0
  }
  unlessGone(() => unlinkSync(path))
  return maxBytes - Math.max(stat.size, LEAST_BYTES)
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** Another thread may have been faster. */
function unlessGone(remove: () => void): void {
  try {
    remove()
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT'
}
