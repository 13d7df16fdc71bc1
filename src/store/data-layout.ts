import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { GroupIndex } from '../base/numbers.js'

/**
 * ```
 * data/manifest.json       who this is: node, voter, genesis, number of stores
 * data/lock                the process that has it open
 * data/last-life           how the last process that had it open ended: see last-life.ts
 * data/store-0007/log      LMDB environment: heads and records of the store's groups
 * data/store-0007/log/journal
 *                          small commits, before LMDB has them
 * data/store-0007/state    LMDB environment: the state of stored state machines
 * data/store-0007/checkpoints/group-3
 *                          the group's checkpoints (checkpoint-layout.ts)
 * data/store-0007/external/group-3/machine-7
 *                          what an external state machine keeps of the group, in its own form
 * data/damaged-1           what an earlier voter of this directory left, as it was found: manifest and stores
 * ```
 */

export const MANIFEST = 'manifest.json'
const STORE = /^store-\d{4,}$/
const ASIDE = /^damaged-\d+$/

export function manifestPath(dataDir: string): string {
  return join(dataDir, MANIFEST)
}

export function lockPath(dataDir: string): string {
  return join(dataDir, 'lock')
}

export function lastLifePath(dataDir: string): string {
  return join(dataDir, 'last-life')
}

function storePath(dataDir: string, store: number): string {
  return join(dataDir, `store-${String(store).padStart(4, '0')}`)
}

export function logPath(dataDir: string, store: number): string {
  return join(storePath(dataDir, store), 'log')
}

export function statePath(dataDir: string, store: number): string {
  return join(storePath(dataDir, store), 'state')
}

export function checkpointsPath(dataDir: string, store: number, group: GroupIndex): string {
  return join(storePath(dataDir, store), 'checkpoints', `group-${group}`)
}

/** With a folder `group-3/machine-7` for each group and external machine. */
export function externalPath(dataDir: string, store: number): string {
  return join(storePath(dataDir, store), 'external')
}

/** The groups of one store: dealt out in turn, so that neighbours share as few stores as possible. */
export function groupsOfStore(store: number, stores: number, groupCount: number): GroupIndex[] {
  const groups: GroupIndex[] = []
  for (let group = store; group < groupCount; group += stores) groups.push(group)
  return groups
}

export function storeOfGroup(group: GroupIndex, stores: number): number {
  return group % stores
}

/** The directories of stores that are there, whatever the manifest says. */
export function storesPresent(dataDir: string): string[] {
  return present(dataDir, STORE)
}

/** Folders of ended voters. */
export function asidesPresent(dataDir: string): string[] {
  return present(dataDir, ASIDE)
}

/** For the next one: people may have removed earlier ones. */
export function nextAsidePath(dataDir: string): string {
  const numbers = asidesPresent(dataDir).map((name) => Number(name.slice(name.indexOf('-') + 1)))
  return join(dataDir, `damaged-${Math.max(0, ...numbers) + 1}`)
}

function present(dataDir: string, pattern: RegExp): string[] {
  try {
    return readdirSync(dataDir).filter((name) => pattern.test(name))
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return []
    throw error
  }
}
