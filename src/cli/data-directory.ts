import { statSync } from 'node:fs'
import type { GroupIndex } from '../base/numbers.js'
import { holderOf } from '../store/data-dir-lock.js'
import { type Manifest, readManifest, type StoredGenesis } from '../store/manifest.js'
import { Refusal } from './refusal.js'

/** The data directory of a node whose cluster has been born. */
export interface BornDirectory {
  readonly path: string
  readonly manifest: Manifest
  readonly genesis: StoredGenesis
}

/** Throws Refusal, MANIFEST_DAMAGED, FORMAT_UNKNOWN. */
export function openBornDirectory(path: string): BornDirectory {
  const manifest = readManifest(existingDirectory(path))
  if (manifest === undefined) throw new Refusal(`${path} holds no data of a node. Give the dataDir of one.`)
  const { genesis } = manifest
  if (genesis === undefined)
    throw new Refusal(`${path} is new: the cluster of node ${manifest.nodeId} was not born yet.`)
  return { path, manifest, genesis }
}

export function existingDirectory(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Refusal(`There is no directory ${path}. Give the dataDir of a node.`)
  return path
}

/** The process that has the directory; undefined: none, as far as can be seen. `report` hears where that is not far. */
export function ownerOf(path: string, report: (warning: string) => void): number | undefined {
  const holder = holderOf(path)
  if (holder !== 'elsewhere') return holder
  report(
    `${path} was last used in another container. If its node still runs there, what is read here is worthless: run this there.`,
  )
  return undefined
}

/** The groups that were asked for; all of them if none was. */
export function chosenGroups({ path, genesis }: BornDirectory, group: GroupIndex | undefined): GroupIndex[] {
  const { groupCount } = genesis
  if (group === undefined) return Array.from({ length: groupCount }, (_, index) => index)
  if (group < groupCount) return [group]
  throw new Refusal(`${path} has the groups 0 to ${groupCount - 1}, and no group ${group}.`)
}
