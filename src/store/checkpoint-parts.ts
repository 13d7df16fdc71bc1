import { assert } from '../base/assert.js'
import { copyOf } from '../codec/own-bytes.js'
import { CheckpointData, readCheckpointManifest } from './checkpoint-data.js'
import type { CheckpointManifest } from './checkpoint-manifest.js'

/** A part is at most this large, or as a block is. */
export const PIECE_BYTES = 64 * 1024

/** Into how many parts a manifest is cut; the blocks follow, each a part. */
export function piecesOf(manifestBytes: number): number {
  return Math.ceil(manifestBytes / PIECE_BYTES)
}

/**
 * A checkpoint as it is sent to a peer: numbered from 0 its manifest in pieces, then its blocks as stored. Reads one
 * part at a time and hands out none that is damaged. It has to be pinned meanwhile (`removeCheckpoints`).
 */
export class CheckpointParts {
  readonly manifest: CheckpointManifest
  readonly manifestBytes: number
  readonly parts: number
  readonly #bytes: Uint8Array
  readonly #data: CheckpointData

  private constructor(path: string, manifest: CheckpointManifest, bytes: Uint8Array) {
    this.manifest = manifest
    this.manifestBytes = bytes.length
    this.parts = piecesOf(bytes.length) + manifest.blocks.count
    this.#bytes = bytes
    this.#data = new CheckpointData(path, manifest)
  }

  /** Throws CHECKPOINT_DAMAGED, FORMAT_UNKNOWN, STORAGE_FAILED. */
  static open(path: string): CheckpointParts {
    const { manifest, bytes } = readCheckpointManifest(path)
    return new CheckpointParts(path, manifest, bytes)
  }

  /** The caller's own bytes. Throws CHECKPOINT_DAMAGED, STORAGE_FAILED. */
  read(part: number): Uint8Array {
    assert(part >= 0 && part < this.parts, `part ${part} of a checkpoint of ${this.parts}`)
    const pieces = piecesOf(this.manifestBytes)
    if (part >= pieces) return this.#data.stored(part - pieces)
    const at = part * PIECE_BYTES
    return copyOf(this.#bytes, at, Math.min(PIECE_BYTES, this.manifestBytes - at))
  }

  close(): void {
    this.#data.close()
  }
}
