import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CodecError } from '../codec/codec-error.js'
import { crc32 } from '../codec/crc32.js'
import { allocateBytes } from '../codec/own-bytes.js'
import { unpackBlock } from './checkpoint-blocks.js'
import { damagedCheckpoint, unreadableCheckpoint } from './checkpoint-errors.js'
import { CHECKPOINT_DATA, CHECKPOINT_MANIFEST } from './checkpoint-layout.js'
import { type CheckpointManifest, MAX_MANIFEST_BYTES } from './checkpoint-manifest.js'
import { decodeCheckpointManifest } from './checkpoint-manifest-codec.js'
import { isStoreError, StoreError } from './store-error.js'

/** The manifest of the checkpoint in a folder, and its bytes. Throws CHECKPOINT_DAMAGED, FORMAT_UNKNOWN, STORAGE_FAILED. */
export function readCheckpointManifest(folder: string): { manifest: CheckpointManifest; bytes: Uint8Array } {
  const path = join(folder, CHECKPOINT_MANIFEST)
  let bytes: Uint8Array
  try {
    const { size } = statSync(path)
    if (size > MAX_MANIFEST_BYTES) throw damagedCheckpoint(path, `it has ${size} bytes, at most ${MAX_MANIFEST_BYTES}`)
    bytes = readFileSync(path)
  } catch (error) {
    throw isStoreError(error) ? error : unreadableCheckpoint(path, error)
  }
  try {
    return { manifest: decodeCheckpointManifest(bytes), bytes }
  } catch (error) {
    if (!(error instanceof CodecError) || error.code !== 'UNKNOWN_VERSION')
      throw damagedCheckpoint(path, (error as Error).message, error)
    const message = `${path} cannot be read: ${error.message}. Run the newer version.`
    throw new StoreError('FORMAT_UNKNOWN', message, { path, cause: error })
  }
}

/** Reads blocks of the data file of a checkpoint. */
export class CheckpointData {
  readonly #path: string
  readonly #manifest: CheckpointManifest
  readonly #fd: number

  /** With `partial` the file may be shorter than the manifest says. Throws CHECKPOINT_DAMAGED, STORAGE_FAILED. */
  constructor(folder: string, manifest: CheckpointManifest, partial = false) {
    this.#path = join(folder, CHECKPOINT_DATA)
    this.#manifest = manifest
    try {
      this.#fd = openSync(this.#path, 'r')
    } catch (error) {
      throw unreadableCheckpoint(this.#path, error)
    }
    const { size } = fstatSync(this.#fd)
    const { dataBytes } = manifest.blocks
    if (partial || size === dataBytes) return
    this.close()
    throw damagedCheckpoint(this.#path, `it has ${size} bytes, its manifest says ${dataBytes}`)
  }

  /** The bytes as stored, checked, and the caller's own. Throws CHECKPOINT_DAMAGED, STORAGE_FAILED. */
  stored(block: number): Uint8Array {
    const { blocks } = this.#manifest
    const bytes = allocateBytes(blocks.storedBytes(block))
    let done = 0
    try {
      for (let read = -1; done < bytes.length && read !== 0; done += read)
        read = readSync(this.#fd, bytes, done, bytes.length - done, blocks.offset(block) + done)
    } catch (error) {
      throw unreadableCheckpoint(this.#path, error)
    }
    if (done < bytes.length) throw damagedCheckpoint(this.#path, `it ends within block ${block}`)
    if (crc32(bytes) !== blocks.crc(block))
      throw damagedCheckpoint(this.#path, `the checksum of block ${block} does not fit`)
    return bytes
  }

  /** What was put into it; the caller's own. */
  content(block: number): Uint8Array {
    const content = unpackBlock(this.stored(block), this.#manifest.blocks.contentBytes(block))
    if (content === undefined) throw damagedCheckpoint(this.#path, `block ${block} does not decompress`)
    return content
  }

  close(): void {
    closeSync(this.#fd)
  }
}
