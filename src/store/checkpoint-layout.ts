import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Instance } from '../base/numbers.js'
import { unreadableCheckpoint, unwritableCheckpoint } from './checkpoint-errors.js'
import { setAside } from './checkpoint-removal.js'
import { flushPath } from './durable-files.js'
import { isStoreError } from './store-error.js'

/**
 * The checkpoints of one group. A folder has its final name only once all in it was flushed.
 *
 * ```
 * group-3/000000012345/manifest    (checkpoint-manifest-codec.ts)
 * group-3/000000012345/data        the blocks, one behind the other
 * group-3/incoming                 one that comes from a peer: manifest and the first blocks of data
 * group-3/writing-a1b2c3           one that is being made
 * group-3/inline-12345             what the group's thread gives for it (checkpoint-inline.ts)
 * group-3/external-12345/machine-7 what an external machine has saved for it
 * group-3/replaced-000000012345    for a moment, while another one of its instance takes its place
 * group-3/removed-...              what is to be deleted (checkpoint-removal.ts)
 * ```
 */
export const CHECKPOINT_MANIFEST = 'manifest'
export const CHECKPOINT_DATA = 'data'
export const INCOMING = 'incoming'
export const WRITING = 'writing-'
const INLINE = 'inline-'
const EXTERNAL = 'external-'
const REPLACED = 'replaced-'

const DIGITS = 12
const NAME = /^\d{12,16}$/

function nameOf(instance: Instance): string {
  return String(instance).padStart(DIGITS, '0')
}

/** Where the group's thread leaves what it gives for a checkpoint of an instance. */
export function inlineStatePath(directory: string, instance: Instance): string {
  return join(directory, INLINE + instance)
}

/** Where external machines save their states for a checkpoint of an instance: a folder for each. */
export function savesPath(directory: string, instance: Instance): string {
  return join(directory, EXTERNAL + instance)
}

export function saveOfMachine(saves: string, machine: number): string {
  return join(saves, `machine-${machine}`)
}

/** Folders of checkpoints, newest first, whatever is in them. Throws CHECKPOINT_DAMAGED or STORAGE_FAILED if there is no looking. */
export function foldersOfCheckpoints(directory: string): { readonly instance: Instance; readonly path: string }[] {
  return namesIn(directory)
    .filter((name) => NAME.test(name) && nameOf(Number(name)) === name)
    .map((name) => ({ instance: Number(name), path: join(directory, name) }))
    .sort((a, b) => b.instance - a.instance)
}

/**
 * Gives a folder, all of it flushed, its final name, in place of another one of the instance. A cut leaves the old or
 * the new one (see `settleCheckpoints`). Returns its path. Throws DISK_FULL, STORAGE_FAILED.
 */
export function placeCheckpoint(temporary: string, directory: string, instance: Instance): string {
  const path = join(directory, nameOf(instance))
  const old = REPLACED + nameOf(instance)
  try {
    flushPath(temporary)
    const replaces = existsSync(path)
    if (replaces) {
      setAside(directory, old)
      renameSync(path, join(directory, old))
    }
    try {
      renameSync(temporary, path)
    } catch (error) {
      if (replaces) renameSync(join(directory, old), path)
      throw error
    }
    flushPath(directory)
    if (replaces) setAside(directory, old)
  } catch (error) {
    throw isStoreError(error) ? error : unwritableCheckpoint(path, error)
  }
  return path
}

/** Takes a checkpoint from its place (`clearRemoved` deletes it). Throws STORAGE_FAILED. */
export function removeCheckpoint(directory: string, instance: Instance): void {
  setAside(directory, nameOf(instance))
}

/**
 * To be called at the start, before anything else is done with the directory: ends what an earlier life was in the
 * middle of. What is incoming is left alone; what is to be deleted waits for `clearRemoved`. Throws STORAGE_FAILED.
 */
export function settleCheckpoints(directory: string): void {
  for (const name of namesIn(directory)) {
    const final = name.startsWith(REPLACED) ? name.slice(REPLACED.length) : undefined
    if (final !== undefined && !existsSync(join(directory, final))) putBack(directory, name, final)
    else if ([WRITING, INLINE, EXTERNAL, REPLACED].some((prefix) => name.startsWith(prefix))) setAside(directory, name)
  }
}

function putBack(directory: string, name: string, final: string): void {
  try {
    renameSync(join(directory, name), join(directory, final))
  } catch (error) {
    throw unwritableCheckpoint(join(directory, name), error)
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return []
    throw unreadableCheckpoint(directory, error)
  }
}
