import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Instance } from '../base/numbers.js'
import { readCheckpointManifest } from './checkpoint-data.js'
import { damagedCheckpoint, unreadableCheckpoint } from './checkpoint-errors.js'
import { CHECKPOINT_DATA, CHECKPOINT_MANIFEST, foldersOfCheckpoints, removeCheckpoint } from './checkpoint-layout.js'
import type { CheckpointManifest } from './checkpoint-manifest.js'
import { isStoreError, type StoreError } from './store-error.js'

/** A finished checkpoint on this disk. */
export interface LocalCheckpoint {
  readonly instance: Instance
  /** Of its manifest; with the instance it names the checkpoint among peers. */
  readonly id: number
  readonly manifestBytes: number
  readonly dataBytes: number
  /** Its folder. */
  readonly path: string
}

export function localCheckpoint(path: string, manifest: CheckpointManifest, manifestBytes: number): LocalCheckpoint {
  const { instance, id, blocks } = manifest
  return { instance, id, manifestBytes, dataBytes: blocks.dataBytes, path }
}

/**
 * The finished checkpoints of a group, newest first: manifests whole, data files of the right size, and no block looked
 * at. One that cannot be read is left out and told of: CHECKPOINT_DAMAGED, FORMAT_UNKNOWN, STORAGE_FAILED.
 */
export function localCheckpoints(directory: string, onUnreadable?: (error: StoreError) => void): LocalCheckpoint[] {
  const found: LocalCheckpoint[] = []
  for (const folder of foldersOfCheckpoints(directory)) {
    try {
      found.push(inFolder(folder))
    } catch (error) {
      if (!isStoreError(error)) throw error
      onUnreadable?.(error)
    }
  }
  return found
}

/**
 * Removes all but the `keep` newest that can be read and those whose instance is pinned: because it is being sent or
 * loaded. Damaged ones go; one of a newer format, or one that may not be read just now, stays. Their space is free once
 * `clearRemoved` has deleted them. Throws STORAGE_FAILED.
 */
export function removeCheckpoints(directory: string, keep: number, pinned: ReadonlySet<Instance>): void {
  let kept = 0
  for (const folder of foldersOfCheckpoints(directory)) {
    const state = stateOf(folder)
    const wanted = state === 'damaged' ? false : state === 'unknown' || kept < keep
    if (state === 'readable') kept++
    if (!wanted && !pinned.has(folder.instance)) removeCheckpoint(directory, folder.instance)
  }
}

type Folder = ReturnType<typeof foldersOfCheckpoints>[number]

function stateOf(folder: Folder): 'readable' | 'damaged' | 'unknown' {
  try {
    inFolder(folder)
    return 'readable'
  } catch (error) {
    if (!isStoreError(error)) throw error
    return error.code === 'CHECKPOINT_DAMAGED' ? 'damaged' : 'unknown'
  }
}

function inFolder({ path, instance }: Folder): LocalCheckpoint {
  const { manifest, bytes } = readCheckpointManifest(path)
  if (manifest.instance !== instance)
    throw damagedCheckpoint(join(path, CHECKPOINT_MANIFEST), `it is of instance ${manifest.instance}`)
  const data = join(path, CHECKPOINT_DATA)
  let size: number
  try {
    size = statSync(data).size
  } catch (error) {
    throw unreadableCheckpoint(data, error)
  }
  const local = localCheckpoint(path, manifest, bytes.length)
  if (size !== local.dataBytes)
    throw damagedCheckpoint(data, `it has ${size} bytes, its manifest says ${local.dataBytes}`)
  return local
}
