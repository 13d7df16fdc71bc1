import { existsSync, readdirSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import { decodeCheckpointManifest } from '../../src/store/checkpoint-manifest-codec.js'

/** The folders of checkpoints in a data directory: `store-0000/checkpoints/group-3` and so on. */
export function checkpointFolders(dataDir: string): string[] {
  return namesIn(dataDir)
    .filter((name) => name.startsWith('store-'))
    .flatMap((store) => {
      const checkpoints = join(dataDir, store, 'checkpoints')
      return namesIn(checkpoints).map((group) => join(checkpoints, group))
    })
}

/** Whether a checkpoint is half made in one of them. */
export function isBeingMade(dataDir: string): boolean {
  return checkpointFolders(dataDir).some((folder) => namesIn(folder).some((name) => name.startsWith('writing-')))
}

/** A checkpoint that is on its way from a peer, once its manifest is there. */
export interface Incoming {
  readonly folder: string
  readonly group: number
  readonly instance: number
  readonly manifest: Buffer
  /** Where it will be when it is whole. */
  readonly place: string
}

export function incomingIn(dataDir: string): Incoming[] {
  return checkpointFolders(dataDir).flatMap((folder) => {
    const manifest = readIfThere(join(folder, 'incoming', 'manifest'))
    if (manifest === undefined) return []
    try {
      const { group, instance } = decodeCheckpointManifest(manifest)
      return [{ folder, group, instance, manifest, place: join(folder, String(instance).padStart(12, '0')) }]
    } catch {
      // It is just being written.
      return []
    }
  })
}

/** It has not come further: neither whole nor given up. */
export function isStillIncoming({ folder, manifest }: Incoming): boolean {
  return readIfThere(join(folder, 'incoming', 'manifest'))?.equals(manifest) === true
}

/** Whether this very checkpoint is in a data directory: its source has it. */
export function hasCheckpoint(dataDir: string, { group, place, manifest }: Incoming): boolean {
  const name = place.slice(place.lastIndexOf('/') + 1)
  return checkpointFolders(dataDir).some(
    (folder) => folder.endsWith(`/group-${group}`) && readIfThere(join(folder, name, 'manifest'))?.equals(manifest),
  )
}

/** Resolves when an entry that fits comes into one of the folders; undefined if none does in time. */
export function entryIn(
  folders: readonly string[],
  fits: (path: string) => boolean,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const end = (path: string | undefined): void => {
      clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
      resolve(path)
    }
    const timer = setTimeout(() => end(undefined), timeoutMs)
    const watchers = folders.map((folder) =>
      watch(folder, (_, name) => {
        const path = join(folder, name ?? '')
        if (name !== null && fits(path) && existsSync(path)) end(path)
      }),
    )
    for (const folder of folders) {
      const there = namesIn(folder).find((name) => fits(join(folder, name)))
      if (there !== undefined) return end(join(folder, there))
    }
  })
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}
