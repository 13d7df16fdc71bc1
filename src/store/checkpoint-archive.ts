import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from '../codec/crc32.js'
import { getU16, getU32, putU16, putU32 } from '../codec/little-endian.js'
import { allocateBytes } from '../codec/own-bytes.js'
import { CheckpointData, readCheckpointManifest } from './checkpoint-data.js'
import { unreadableCheckpoint, unwritableCheckpoint } from './checkpoint-errors.js'
import { CheckpointFile } from './checkpoint-file.js'
import { type CheckpointManifest, MAX_MANIFEST_BYTES } from './checkpoint-manifest.js'
import { decodeCheckpointManifest } from './checkpoint-manifest-codec.js'
import { flushPath } from './durable-files.js'
import { isStoreError, StoreError } from './store-error.js'

/** The cluster that a checkpoint comes from, as far as the checkpoint itself does not say. */
export interface ClusterShape {
  readonly groupCount: number
  /** What keys are hashed over: with another number they would be looked for in other groups. */
  readonly routingGroups: number
  /** Environments of the node that it comes from. */
  readonly stores: number
}

/**
 * A checkpoint as one file. Little endian:
 *
 * ```
 *  0  u32  crc32 of bytes 4..27     crc, magic and format stay where they are in every format to come
 *  4  u32  magic
 *  8  u16  format
 * 10  u16  0
 * 12  u32  groups of the cluster
 * 16  u32  groups that keys are hashed over
 * 20  u32  stores of the node
 * 24  u32  bytes of the manifest
 * 28       the manifest of the checkpoint, then its blocks as stored: their sizes and checksums stand in the manifest
 * ```
 */
const MAGIC = 0x41435053
const FORMAT = 1
const HEADER_BYTES = 28
const FLUSH_BYTES = 8 * 1024 * 1024
const PARTIAL = '.partial'

type OnBytes = (bytes: number) => void

/**
 * Writes the checkpoint in `folder` to `file`, which appears once all of it has been flushed, and read again. Throws
 * CHECKPOINT_DAMAGED, FORMAT_UNKNOWN, DISK_FULL, STORAGE_FAILED.
 */
export function writeCheckpointArchive(folder: string, shape: ClusterShape, file: string, onBytes: OnBytes): void {
  if (existsSync(file))
    throw new StoreError('STORAGE_FAILED', `${file} is there already. Name another file.`, { path: file })
  const { manifest, bytes } = readCheckpointManifest(folder)
  const partial = file + PARTIAL
  const data = new CheckpointData(folder, manifest)
  try {
    writePartial(partial, shape, bytes, manifest, data, onBytes)
    const written = CheckpointArchive.open(partial)
    try {
      written.verify(onBytes)
    } finally {
      written.close()
    }
    rename(partial, file)
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  } finally {
    data.close()
  }
}

function writePartial(
  path: string,
  { groupCount, routingGroups, stores }: ClusterShape,
  manifestBytes: Uint8Array,
  { blocks }: CheckpointManifest,
  data: CheckpointData,
  onBytes: OnBytes,
): void {
  const header = new Uint8Array(HEADER_BYTES)
  putU32(header, 4, MAGIC)
  putU16(header, 8, FORMAT)
  putU32(header, 12, groupCount)
  putU32(header, 16, routingGroups)
  putU32(header, 20, stores)
  putU32(header, 24, manifestBytes.length)
  putU32(header, 0, crc32(header.subarray(4)))
  const file = new CheckpointFile(path, FLUSH_BYTES)
  try {
    file.append(header)
    file.append(manifestBytes)
    for (let block = 0; block < blocks.count; block++) {
      const stored = data.stored(block)
      file.append(stored)
      onBytes(stored.length)
    }
    file.flush()
  } finally {
    file.close()
  }
}

function rename(partial: string, file: string): void {
  try {
    renameSync(partial, file)
    flushPath(dirname(file))
  } catch (error) {
    throw unwritableCheckpoint(file, error)
  }
}

/** A checkpoint in one file. What it hands out was compared with its checksums. */
export class CheckpointArchive {
  readonly path: string
  readonly shape: ClusterShape
  readonly manifest: CheckpointManifest
  readonly #fd: number
  readonly #dataAt: number

  private constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
    const header = this.#read(0, HEADER_BYTES)
    if (crc32(header.subarray(4)) !== getU32(header, 0) || getU32(header, 4) !== MAGIC)
      throw this.#damaged('it does not begin as an exported checkpoint does')
    if (getU16(header, 8) !== FORMAT) throw this.#unknown(`format ${getU16(header, 8)}, this program knows ${FORMAT}`)
    this.shape = { groupCount: getU32(header, 12), routingGroups: getU32(header, 16), stores: getU32(header, 20) }
    const manifestBytes = getU32(header, 24)
    if (manifestBytes > MAX_MANIFEST_BYTES) throw this.#damaged(`it says that its manifest has ${manifestBytes} bytes`)
    this.manifest = this.#decode(this.#read(HEADER_BYTES, manifestBytes))
    this.#dataAt = HEADER_BYTES + manifestBytes
    const { size } = fstatSync(fd)
    const wanted = this.#dataAt + this.manifest.blocks.dataBytes
    if (size !== wanted) throw this.#damaged(`it has ${size} bytes, its manifest says ${wanted}`)
  }

  /** Throws CHECKPOINT_DAMAGED, FORMAT_UNKNOWN, STORAGE_FAILED. */
  static open(path: string): CheckpointArchive {
    let fd: number
    try {
      fd = openSync(path, 'r')
    } catch (error) {
      throw new StoreError('STORAGE_FAILED', `${path} cannot be read: ${(error as Error).message}.`, {
        path,
        cause: error,
      })
    }
    try {
      return new CheckpointArchive(path, fd)
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  /** A block as stored. */
  stored(block: number): Uint8Array {
    const { blocks } = this.manifest
    const bytes = this.#read(this.#dataAt + blocks.offset(block), blocks.storedBytes(block))
    if (crc32(bytes) !== blocks.crc(block)) throw this.#damaged(`the checksum of block ${block} does not fit`)
    return bytes
  }

  verify(onBytes: OnBytes): void {
    for (let block = 0; block < this.manifest.blocks.count; block++) onBytes(this.stored(block).length)
  }

  close(): void {
    closeSync(this.#fd)
  }

  #decode(bytes: Uint8Array): CheckpointManifest {
    try {
      return decodeCheckpointManifest(bytes)
    } catch (error) {
      const { code, message } = error as { code?: unknown; message: string }
      if (isStoreError(error) || code === undefined) throw error
      throw code === 'UNKNOWN_VERSION' ? this.#unknown(message) : this.#damaged(`its manifest: ${message}`)
    }
  }

  #read(at: number, length: number): Uint8Array {
    const bytes = allocateBytes(length)
    let done = 0
    try {
      for (let read = -1; done < length && read !== 0; done += read)
        read = readSync(this.#fd, bytes, done, length - done, at + done)
    } catch (error) {
      throw unreadableCheckpoint(this.path, error)
    }
    if (done < length) throw this.#damaged('it is cut short')
    return bytes
  }

  #damaged(what: string): StoreError {
    const todo = 'Take another copy of it, or export the checkpoint again.'
    return new StoreError('CHECKPOINT_DAMAGED', `${this.path} is damaged: ${what}. ${todo}`, { path: this.path })
  }

  #unknown(what: string): StoreError {
    return new StoreError('FORMAT_UNKNOWN', `${this.path} cannot be read: ${what}. Run the newer version.`, {
      path: this.path,
    })
  }
}
