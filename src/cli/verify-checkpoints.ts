import { existsSync, readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { GroupIndex } from '../base/numbers.js'
import { decodeBuiltIn } from '../codec/built-in-state.js'
import { CheckpointData, readCheckpointManifest } from '../store/checkpoint-data.js'
import { foldersOfCheckpoints } from '../store/checkpoint-layout.js'
import type { CheckpointManifest } from '../store/checkpoint-manifest.js'
import { CheckpointReader } from '../store/checkpoint-reader.js'
import { checkpointsPath } from '../store/data-layout.js'
import { type StoreJob, TODO } from './finding.js'
import type { VerifyReport } from './verify-report.js'

/** Checks the checkpoints of a store: every manifest and block; `deep`: also what is in the blocks. */
export function verifyCheckpoints(job: StoreJob, report: VerifyReport): void {
  for (const group of groupsOf(job)) {
    if (job.only !== undefined && group !== job.only) continue
    for (const folder of foldersOfCheckpoints(checkpointsPath(job.dataDir, job.store, group))) {
      report.reading(`checkpoint ${folder.instance} of group ${group}`)
      report.guarded(() => {
        try {
          verifyOne(folder, group, job, report)
        } catch (error) {
          // A running node removes old ones.
          if (job.owner === undefined || existsSync(folder.path)) throw error
        }
      })
    }
  }
}

/** Where nobody knows, those that have a folder. */
function groupsOf({ dataDir, store, groups }: StoreJob): readonly GroupIndex[] {
  if (groups !== undefined) return groups
  const parent = dirname(checkpointsPath(dataDir, store, 0))
  if (!existsSync(parent)) return []
  return readdirSync(parent)
    .map((name) => /^group-(\d+)$/.exec(name)?.[1])
    .filter((group) => group !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
}

type Folder = ReturnType<typeof foldersOfCheckpoints>[number]

function verifyOne({ instance, path }: Folder, group: GroupIndex, job: StoreJob, report: VerifyReport): void {
  const { manifest } = readCheckpointManifest(path)
  const flaw = labelFlaw(manifest, instance, group, job)
  if (flaw !== undefined)
    report.damage({ code: 'CHECKPOINT_DAMAGED', path, group, instance, what: flaw, todo: TODO.checkpoint })
  const data = new CheckpointData(path, manifest)
  try {
    for (let block = 0; block < manifest.blocks.count; block++) report.bytes(data.stored(block).length)
  } finally {
    data.close()
  }
  if (job.deep) verifyContent(path)
  report.count({ checkpoints: 1 })
  // A damaged one, which is not used, says nothing about the log.
  if (flaw === undefined) report.position({ kind: 'checkpoint', path, group, instance, chain: manifest.chain })
}

function labelFlaw(
  manifest: CheckpointManifest,
  instance: number,
  group: GroupIndex,
  { clusterId }: StoreJob,
): string | undefined {
  if (manifest.instance !== instance) return `its manifest is of instance ${manifest.instance}`
  if (manifest.group !== group) return `its manifest is of group ${manifest.group}`
  if (clusterId !== undefined && manifest.clusterId !== clusterId)
    return `it is of cluster ${manifest.clusterId}, this node is of ${clusterId}`
  try {
    decodeBuiltIn(manifest.builtIn)
    return undefined
  } catch (error) {
    return `its sessions have the right checksum, but are none: ${(error as Error).message}`
  }
}

function verifyContent(path: string): void {
  const reader = CheckpointReader.open(path)
  try {
    reader.verify()
  } finally {
    reader.close()
  }
}
