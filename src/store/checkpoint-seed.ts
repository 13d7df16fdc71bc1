import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { decodeBuiltIn, encodeBuiltIn } from '../codec/built-in-state.js'
import type { Voter } from '../core/membership.js'
import type { CheckpointArchive } from './checkpoint-archive.js'
import { CheckpointFile, writeCheckpointFile } from './checkpoint-file.js'
import { CHECKPOINT_DATA, CHECKPOINT_MANIFEST, placeCheckpoint, WRITING } from './checkpoint-layout.js'
import { encodeCheckpointManifest } from './checkpoint-manifest-codec.js'
import { makeDirectoryDurable } from './durable-files.js'
import { StoreError } from './store-error.js'

const FLUSH_BYTES = 8 * 1024 * 1024

/** The cluster that a checkpoint is to begin. */
export interface NewCluster {
  readonly clusterId: string
  /** Ascending by node. */
  readonly voters: readonly Voter[]
}

/**
 * Places an exported checkpoint in the directory of its group as one of another cluster, all of it flushed. The blocks, the
 * instance and the chain stay. The sessions go: their origins do not exist any more. The positions of external machines
 * stay, because what these machines have saved says the same. Throws CHECKPOINT_DAMAGED, FORMAT_UNKNOWN, DISK_FULL,
 * STORAGE_FAILED.
 */
export function seedCheckpoint(
  archive: CheckpointArchive,
  { clusterId, voters }: NewCluster,
  directory: string,
  onBytes: (bytes: number) => void,
): void {
  const { manifest } = archive
  const builtIn = withoutSessions(archive)
  makeDirectoryDurable(directory)
  const temporary = mkdtempSync(join(directory, WRITING))
  const data = new CheckpointFile(join(temporary, CHECKPOINT_DATA), FLUSH_BYTES)
  try {
    for (let block = 0; block < manifest.blocks.count; block++) {
      const stored = archive.stored(block)
      data.append(stored)
      onBytes(stored.length)
    }
    data.flush()
  } finally {
    data.close()
  }
  const meta = { ...manifest, clusterId, builtIn, membership: { version: 0, voters } }
  const bytes = encodeCheckpointManifest(meta, manifest.sections, manifest.blocks.rows)
  writeCheckpointFile(join(temporary, CHECKPOINT_MANIFEST), bytes)
  placeCheckpoint(temporary, directory, manifest.instance)
}

/** Throws FORMAT_UNKNOWN: the checksum of the manifest says that these bytes are what was written. */
function withoutSessions({ path, manifest }: CheckpointArchive): Uint8Array {
  try {
    return encodeBuiltIn({ sessions: [], externals: decodeBuiltIn(manifest.builtIn).externals })
  } catch (error) {
    const message = `The sessions in ${path} cannot be read: ${(error as Error).message}. Run the newer version.`
    throw new StoreError('FORMAT_UNKNOWN', message, { path, cause: error })
  }
}
