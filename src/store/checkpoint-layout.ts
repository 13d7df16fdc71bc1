import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Instance } from '../base/numbers.js'
import { unreadableCheckpoint, unwritableCheckpoint } from './checkpoint-errors.js'
import { flushPath } from './durable-files.js'

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
 * group-3/removed-000000012345     for a moment, while it is deleted
 * ```
 */
export const CHECKPOINT_MANIFEST = 'manifest'
export const CHECKPOINT_DATA = 'data'
export const INCOMING = 'incoming'
export const WRITING = 'writing-'
const INLINE = 'inline-'
const EXTERNAL = 'external-'
const REPLACED = 'replaced-'
const REMOVED = 'removed-'

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
  const old = join(directory, REPLACED + nameOf(instance))
  try {
    flushPath(temporary)
    const replaces = existsSync(path)
    if (replaces) {
      rmSync(old, { recursive: true, force: true })
      renameSync(path, old)
    }
    try {
      renameSync(temporary, path)
    } catch (error) {
      if (replaces) renameSync(old, path)
      throw error
    }
    flushPath(directory)
    rmSync(old, { recursive: true, force: true })
  } catch (error) {
    throw unwritableCheckpoint(path, error)
  }
  return path
}

/** Removes a checkpoint, so that a cut never leaves a part of it under its name. Throws STORAGE_FAILED. */
export function removeCheckpoint(directory: string, instance: Instance): void {
  const removed = join(directory, REMOVED + nameOf(instance))
  try {
    rmSync(removed, { recursive: true, force: true })
    renameSync(join(directory, nameOf(instance)), removed)
    flushPath(directory)
    rmSync(removed, { recursive: true, force: true })
  } catch (error) {
    throw unwritableCheckpoint(removed, error)
  }
}

/**
 * To be called at the start, before anything else is done with the directory: ends what an earlier life was in the
 * middle of. What is incoming is left alone. Throws STORAGE_FAILED.
 */
export function settleCheckpoints(directory: string): void {
  const names = namesIn(directory)
  try {
    for (const name of names) {
      const path = join(directory, name)
      const final = name.startsWith(REPLACED) ? join(directory, name.slice(REPLACED.length)) : undefined
      if (final !== undefined && !existsSync(final)) renameSync(path, final)
      else if ([WRITING, INLINE, EXTERNAL, REPLACED, REMOVED].some((prefix) => name.startsWith(prefix)))
        rmSync(path, { recursive: true })
    }
  } catch (error) {
    throw unwritableCheckpoint(directory, error)
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
