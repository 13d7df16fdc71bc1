import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeWorkDir, removeWorkDir } from '../../native-bench/work-dir.js'
import type { Head } from '../../src/core/durable.js'
import { localCheckpoints } from '../../src/store/checkpoint-local.js'
import { checkpointsPath, logPath, statePath, storeOfGroup } from '../../src/store/data-layout.js'
import { LmdbLogView } from '../../src/store/lmdb-log-view.js'
import { StateReader } from '../../src/store/state-reader.js'

/** What the disk of a node that does not run holds of one group. */
export interface GroupOnDisk {
  readonly group: number
  readonly head: Head
  /** Where the stored state stands; 0: there is none. */
  readonly executedUpTo: number
  /** Instances of the finished checkpoints, newest first. */
  readonly checkpoints: readonly number[]
}

/** Reads copies: nothing in the data directory is opened for writing, or by LMDB at all. */
export function readDisk(dataDir: string, groups: number): GroupOnDisk[] {
  const { stores } = JSON.parse(readFileSync(join(dataDir, 'manifest.json'), 'utf8')) as { stores: number }
  const scratch = makeWorkDir('disk-view')
  try {
    return Array.from({ length: groups }, (_, group) => {
      const store = storeOfGroup(group, stores)
      const log = new LmdbLogView(copyOf(logPath(dataDir, store), join(scratch, `log-${group}`)))
      const head = log.head(group)
      log.close()
      const checkpoints = localCheckpoints(checkpointsPath(dataDir, store, group)).map(({ instance }) => instance)
      return { group, head, executedUpTo: statePosition(statePath(dataDir, store), scratch, group), checkpoints }
    })
  } finally {
    removeWorkDir(scratch)
  }
}

function statePosition(path: string, scratch: string, group: number): number {
  if (!existsSync(join(path, 'data.mdb'))) return 0
  const reader = StateReader.open(copyOf(path, join(scratch, `state-${group}`)))
  try {
    return reader.position(group)?.executedUpTo ?? 0
  } finally {
    reader.close()
  }
}

function copyOf(environment: string, copy: string): string {
  mkdirSync(copy)
  copyFileSync(join(environment, 'data.mdb'), join(copy, 'data.mdb'))
  if (existsSync(join(environment, 'journal'))) copyFileSync(join(environment, 'journal'), join(copy, 'journal'))
  return copy
}

/** What no kill may leave: a state ahead of its log, or records missing between what is kept of the state and the log. */
export function flaws({ group, head, executedUpTo, checkpoints }: GroupOnDisk): string[] {
  const found: string[] = []
  const { chosenUpTo, firstKept } = head
  if (executedUpTo > chosenUpTo)
    found.push(`group ${group}: its state is at ${executedUpTo}, its log knows ${chosenUpTo} chosen`)
  const base = Math.max(executedUpTo, ...checkpoints.filter((instance) => instance <= chosenUpTo))
  if (base + 1 < firstKept)
    found.push(
      `group ${group}: its state is at ${executedUpTo}, its checkpoints at [${checkpoints}], its log begins at ${firstKept}`,
    )
  return found
}
