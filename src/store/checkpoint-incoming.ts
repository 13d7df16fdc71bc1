import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../base/assert.js'
import type { GroupIndex, Instance } from '../base/numbers.js'
import { crc32 } from '../codec/crc32.js'
import { allocateBytes } from '../codec/own-bytes.js'
import { CheckpointData, readCheckpointManifest } from './checkpoint-data.js'
import { damagedCheckpoint, unwritableCheckpoint } from './checkpoint-errors.js'
import { CheckpointFile, reserveForCheckpoint, writeCheckpointFile } from './checkpoint-file.js'
import { CHECKPOINT_DATA, CHECKPOINT_MANIFEST, INCOMING, placeCheckpoint } from './checkpoint-layout.js'
import { type LocalCheckpoint, localCheckpoint } from './checkpoint-local.js'
import { type CheckpointManifest, MAX_MANIFEST_BYTES } from './checkpoint-manifest.js'
import { decodeCheckpointManifest } from './checkpoint-manifest-codec.js'
import { PIECE_BYTES, piecesOf } from './checkpoint-parts.js'
import { setAside } from './checkpoint-removal.js'
import { flushPath, makeDirectoryDurable } from './durable-files.js'
import { isStoreError } from './store-error.js'

/** Whose checkpoint is wanted: another's is refused, however whole it is. */
export interface CheckpointOwner {
  readonly group: GroupIndex
  readonly clusterId: string
}

/** What a peer says that it has. */
export interface OfferedCheckpoint {
  readonly instance: Instance
  readonly id: number
  readonly manifestBytes: number
  readonly dataBytes: number
}

/** It comes in on a thread that has other things to do: small enough that no flush is long. */
const FLUSH_BYTES = 2 * 1024 * 1024

/**
 * A checkpoint on its way from a peer, part by part and in order (`CheckpointParts`). What has come stays over a
 * restart, from the whole manifest on. A group has at most one; it is no checkpoint of the group before `finish`.
 */
export class IncomingCheckpoint {
  readonly instance: Instance
  readonly id: number
  readonly #directory: string
  readonly #folder: string
  readonly #owner: CheckpointOwner
  readonly #offer: OfferedCheckpoint
  readonly #pieces: Uint8Array
  #piecesTaken = 0
  #manifest: CheckpointManifest | undefined
  /** On the disk, and right. */
  #blocks = 0
  /** What an earlier life has left and nobody has looked at yet. */
  #unchecked: CheckpointData | undefined
  #file: CheckpointFile | undefined

  private constructor(
    directory: string,
    owner: CheckpointOwner,
    offer: OfferedCheckpoint,
    manifest?: CheckpointManifest,
  ) {
    this.instance = offer.instance
    this.id = offer.id
    this.#directory = directory
    this.#folder = join(directory, INCOMING)
    this.#owner = owner
    this.#offer = offer
    this.#manifest = manifest
    this.#pieces = allocateBytes(manifest === undefined ? offer.manifestBytes : 0)
  }

  /**
   * What an earlier life has left, if it is any good: then `recheck` comes before anything else. A damaged one, or one
   * of another group or cluster, is removed. Throws STORAGE_FAILED.
   */
  static find(directory: string, owner: CheckpointOwner): IncomingCheckpoint | undefined {
    const folder = join(directory, INCOMING)
    try {
      const { manifest, bytes } = readCheckpointManifest(folder)
      const { instance, id, blocks } = manifest
      if (manifest.group === owner.group && manifest.clusterId === owner.clusterId) {
        const offer = { instance, id, manifestBytes: bytes.length, dataBytes: blocks.dataBytes }
        const found = new IncomingCheckpoint(directory, owner, offer, manifest)
        found.#unchecked = new CheckpointData(folder, manifest, true)
        return found
      }
    } catch (error) {
      if (!isStoreError(error) || error.code === 'STORAGE_FAILED') throw error
    }
    setAside(directory, INCOMING)
    return undefined
  }

  /**
   * Throws away what there is and begins with another. Throws CHECKPOINT_DAMAGED if no checkpoint can have the sizes
   * that are offered, DISK_FULL if it would not fit, STORAGE_FAILED.
   */
  static begin(directory: string, owner: CheckpointOwner, offer: OfferedCheckpoint): IncomingCheckpoint {
    const { manifestBytes, dataBytes } = offer
    const folder = join(directory, INCOMING)
    const possible = Number.isSafeInteger(manifestBytes) && Number.isSafeInteger(dataBytes) && dataBytes >= 0
    if (!possible || manifestBytes < 1 || manifestBytes > MAX_MANIFEST_BYTES)
      throw damagedCheckpoint(folder, `a peer offers a manifest of ${manifestBytes} and data of ${dataBytes} bytes`)
    setAside(directory, INCOMING)
    try {
      makeDirectoryDurable(directory)
      mkdirSync(folder)
    } catch (error) {
      throw unwritableCheckpoint(folder, error)
    }
    reserveForCheckpoint(directory, manifestBytes + dataBytes)
    return new IncomingCheckpoint(directory, owner, offer)
  }

  /** Looks at about `maxBytes` of what an earlier life has left; true when there is no more to look at. */
  recheck(maxBytes: number): boolean {
    const data = this.#unchecked
    const blocks = this.#manifest?.blocks
    if (data === undefined || blocks === undefined) return true
    const from = blocks.offset(this.#blocks)
    while (this.#blocks < blocks.count && isSound(data, this.#blocks)) {
      this.#blocks++
      if (blocks.offset(this.#blocks) - from >= maxBytes) return false
    }
    data.close()
    this.#unchecked = undefined
    this.#file = this.#openFile(blocks.offset(this.#blocks))
    return true
  }

  /** The part that is wanted next; while `recheck` goes on, nothing is yet. */
  get next(): number {
    return this.#manifest === undefined ? this.#piecesTaken : piecesOf(this.#offer.manifestBytes) + this.#blocks
  }

  /** Known once the manifest is whole. */
  get parts(): number | undefined {
    if (this.#manifest === undefined) return undefined
    return piecesOf(this.#offer.manifestBytes) + this.#manifest.blocks.count
  }

  get isComplete(): boolean {
    return this.next === this.parts && this.#unchecked === undefined
  }

  /**
   * 'ignored' is a part that is not the next one. 'refused' is one that is not what the manifest says, and the same is
   * wanted again; or a manifest that is not the one offered or not acceptable, and then `next` is 0 again. Flushes every
   * few megabytes. Throws DISK_FULL and may be called again with the same part; after STORAGE_FAILED only `abandon`
   * makes sense.
   */
  append(part: number, bytes: Uint8Array): 'taken' | 'ignored' | 'refused' {
    assert(this.#unchecked === undefined, 'a part before what is there was looked at')
    if (part !== this.next || this.isComplete) return 'ignored'
    return this.#manifest === undefined ? this.#takePiece(bytes) : this.#takeBlock(this.#manifest, bytes)
  }

  /** Gives the complete one its name among the group's checkpoints: all of it is on the disk when this returns. */
  finish(): LocalCheckpoint {
    const manifest = this.#manifest
    assert(manifest !== undefined && this.isComplete, `part ${this.next} of ${this.parts} is still missing`)
    this.#file?.flush()
    this.close()
    const path = placeCheckpoint(this.#folder, this.#directory, this.instance)
    return localCheckpoint(path, manifest, this.#offer.manifestBytes)
  }

  /** Removes all of it. */
  abandon(): void {
    this.close()
    setAside(this.#directory, INCOMING)
  }

  /** Leaves it for a later life to find. */
  close(): void {
    this.#unchecked?.close()
    this.#file?.close()
    this.#unchecked = undefined
    this.#file = undefined
  }

  #takePiece(bytes: Uint8Array): 'taken' | 'refused' {
    const at = this.#piecesTaken * PIECE_BYTES
    if (bytes.length !== Math.min(PIECE_BYTES, this.#pieces.length - at)) return 'refused'
    this.#pieces.set(bytes, at)
    if (at + bytes.length === this.#pieces.length) {
      const manifest = this.#acceptable(this.#pieces)
      if (manifest === undefined) {
        this.#piecesTaken = 0
        return 'refused'
      }
      this.#keepManifest(manifest)
    }
    this.#piecesTaken++
    return 'taken'
  }

  #acceptable(bytes: Uint8Array): CheckpointManifest | undefined {
    try {
      const manifest = decodeCheckpointManifest(bytes)
      const isOffered =
        manifest.id === this.id &&
        manifest.instance === this.instance &&
        manifest.blocks.dataBytes === this.#offer.dataBytes
      const isOwn = manifest.group === this.#owner.group && manifest.clusterId === this.#owner.clusterId
      return isOffered && isOwn ? manifest : undefined
    } catch {
      return undefined
    }
  }

  /** From here on a restart goes on with it. */
  #keepManifest(manifest: CheckpointManifest): void {
    this.#file ??= this.#openFile(0)
    writeCheckpointFile(join(this.#folder, CHECKPOINT_MANIFEST), this.#pieces)
    try {
      flushPath(this.#folder)
      flushPath(this.#directory)
    } catch (error) {
      throw unwritableCheckpoint(this.#folder, error)
    }
    this.#manifest = manifest
  }

  #takeBlock({ blocks }: CheckpointManifest, bytes: Uint8Array): 'taken' | 'refused' {
    const block = this.#blocks
    if (bytes.length !== blocks.storedBytes(block) || crc32(bytes) !== blocks.crc(block)) return 'refused'
    assert(this.#file !== undefined, 'a part after the end')
    this.#file.append(bytes)
    this.#blocks++
    return 'taken'
  }

  #openFile(length: number): CheckpointFile {
    return new CheckpointFile(join(this.#folder, CHECKPOINT_DATA), FLUSH_BYTES, length)
  }
}

function isSound(data: CheckpointData, block: number): boolean {
  try {
    data.stored(block)
    return true
  } catch (error) {
    if (isStoreError(error) && error.code === 'CHECKPOINT_DAMAGED') return false
    throw error
  }
}
