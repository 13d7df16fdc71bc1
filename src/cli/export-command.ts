import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { GroupIndex, Instance } from '../base/numbers.js'
import { writeCheckpointArchive } from '../store/checkpoint-archive.js'
import { type LocalCheckpoint, localCheckpoints } from '../store/checkpoint-local.js'
import { checkpointsPath, logPath, storeOfGroup } from '../store/data-layout.js'
import { LmdbReadOnly } from '../store/lmdb-read-only.js'
import { type BornDirectory, chosenGroups, openBornDirectory, ownerOf } from './data-directory.js'
import { readHead } from './log-pages.js'
import { printLine, sizeText, tell } from './output.js'
import { ProgressBar } from './progress-bar.js'
import { Refusal } from './refusal.js'

export interface ExportOptions {
  /** Undefined: all of them. */
  readonly group?: GroupIndex
  /** Undefined: the newest that can be read. */
  readonly instance?: Instance
  /** A file; for all groups a folder. */
  readonly out: string
}

/**
 * Copies checkpoints out of a data directory, of a running node as well: a finished checkpoint does not change, and one that
 * is removed meanwhile stays readable to whoever has it open. Returns the exit status.
 */
export async function runExport(path: string, options: ExportOptions): Promise<number> {
  const directory = openBornDirectory(path)
  const isAll = options.group === undefined
  // All are looked up before anything is written.
  const wanted: { group: GroupIndex; file: string; checkpoint: LocalCheckpoint }[] = []
  for (const group of chosenGroups(directory, options.group)) {
    const checkpoint = find(directory, group, options.instance)
    const file = isAll ? join(options.out, `group-${group}.checkpoint`) : options.out
    if (checkpoint !== undefined) wanted.push({ group, file, checkpoint })
    else if (isAll && isEmpty(directory, group)) await printLine(`group ${group}: empty, no file`)
    else throw new Refusal(noCheckpoint(group, path))
  }
  if (isAll) makeFolder(options.out)
  // Each is read once to be written, and once again to be compared.
  const bar = new ProgressBar(wanted.reduce((sum, { checkpoint }) => sum + 2 * checkpoint.dataBytes, 0))
  const { groupCount, routingGroups } = directory.genesis
  const shape = { groupCount, routingGroups, stores: directory.manifest.stores }
  for (const { group, checkpoint, file } of wanted) {
    writeCheckpointArchive(checkpoint.path, shape, file, (bytes) => bar.add(bytes, `group ${group}`))
    bar.clear()
    const size = sizeText(statSync(file).size)
    await printLine(`group ${group}: checkpoint of instance ${checkpoint.instance} in ${file} (${size})`)
  }
  return 0
}

/** Undefined: the group has none at all. */
function find(
  { path, manifest }: BornDirectory,
  group: GroupIndex,
  instance: Instance | undefined,
): LocalCheckpoint | undefined {
  const folder = checkpointsPath(path, storeOfGroup(group, manifest.stores), group)
  const there = localCheckpoints(folder, ({ message }) => tell(message))
  const found = instance === undefined ? there[0] : there.find((checkpoint) => checkpoint.instance === instance)
  if (found !== undefined || there.length === 0) return found
  const instances = there.map((checkpoint) => checkpoint.instance).join(', ')
  throw new Refusal(`Group ${group} has no checkpoint of instance ${instance} in ${path}. There are: ${instances}.`)
}

/** Nothing was ever chosen in it: then it never has a checkpoint. */
function isEmpty({ path, manifest }: BornDirectory, group: GroupIndex): boolean {
  const log = new LmdbReadOnly(logPath(path, storeOfGroup(group, manifest.stores)), ownerOf(path, tell))
  try {
    return readHead(log, group).chosenUpTo === 0
  } finally {
    log.close()
  }
}

function noCheckpoint(group: GroupIndex, path: string): string {
  return `Group ${group} has no checkpoint in ${path}. Take one (group.checkpoint()), or wait for the next one.`
}

function makeFolder(path: string): void {
  if (existsSync(path)) throw new Refusal(`${path} is there already. Name another folder.`)
  mkdirSync(path, { recursive: true })
}
