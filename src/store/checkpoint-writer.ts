import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../base/assert.js'
import { fail } from '../codec/codec-error.js'
import { crc32 } from '../codec/crc32.js'
import { copyBytes } from '../codec/own-bytes.js'
import { BLOCK_BYTES, CheckpointBlocks, MAX_BLOCK_BYTES, packBlock } from './checkpoint-blocks.js'
import { compareKeys, ENTRY_HEADER_BYTES, MAX_KEY_BYTES, putEntryHeader } from './checkpoint-entries.js'
import { unwritableCheckpoint } from './checkpoint-errors.js'
import { CheckpointFile, writeCheckpointFile } from './checkpoint-file.js'
import { CHECKPOINT_DATA, CHECKPOINT_MANIFEST, placeCheckpoint, WRITING } from './checkpoint-layout.js'
import { type LocalCheckpoint, localCheckpoint } from './checkpoint-local.js'
import {
  type CheckpointMeta,
  type CheckpointSectionKind,
  isFileName,
  MAX_SNAPSHOT_BYTES,
  SECTION_OF,
} from './checkpoint-manifest.js'
import { decodeCheckpointManifest, encodeCheckpointManifest, type NewSection } from './checkpoint-manifest-codec.js'
import { clearRemoved } from './checkpoint-removal.js'
import { makeDirectoryDurable } from './durable-files.js'
import { isStoreError } from './store-error.js'

const FLUSH_BYTES = 8 * 1024 * 1024

interface OpenSection {
  readonly machine: number
  readonly kind: CheckpointSectionKind
  readonly name: string
  blocks: number
  bytes: number
  /** Of the last entry; -1 before the first. */
  lastKeyBytes: number
}

/**
 * Writes a checkpoint under a temporary name and gives it its own when all of it is flushed. Synchronous, and not fast
 * in every call (a block is compressed and written, a few megabytes are flushed): for a thread that has the time.
 * After any throw (DISK_FULL, STORAGE_FAILED, or a misuse) what it had written is gone, and it is of no more use.
 */
export class CheckpointWriter {
  readonly #directory: string
  readonly #meta: CheckpointMeta
  readonly #temporary: string
  readonly #data: CheckpointFile
  readonly #sections: NewSection[] = []
  readonly #rows: { stored: number; content: number; crc: number }[] = []
  readonly #block: Uint8Array
  readonly #header = new Uint8Array(ENTRY_HEADER_BYTES)
  readonly #lastKey = new Uint8Array(MAX_KEY_BYTES)
  #filled = 0
  #section: OpenSection | undefined
  #ended = false

  private constructor(directory: string, meta: CheckpointMeta, blockBytes: number) {
    assert(blockBytes > 0 && blockBytes <= MAX_BLOCK_BYTES, `a block of ${blockBytes} bytes`)
    this.#directory = directory
    this.#meta = meta
    this.#block = new Uint8Array(blockBytes)
    try {
      makeDirectoryDurable(directory)
      // Here is the time for it, and space is needed now.
      clearRemoved(directory)
      this.#temporary = mkdtempSync(join(directory, WRITING))
    } catch (error) {
      throw isStoreError(error) ? error : unwritableCheckpoint(directory, error)
    }
    try {
      this.#data = new CheckpointFile(join(this.#temporary, CHECKPOINT_DATA), FLUSH_BYTES)
    } catch (error) {
      tryRemove(this.#temporary)
      throw error
    }
  }

  /** Into a folder of its own in `directory`, the group's; first deletes what was removed there. */
  static begin(directory: string, meta: CheckpointMeta, blockBytes: number = BLOCK_BYTES): CheckpointWriter {
    return new CheckpointWriter(directory, meta, blockBytes)
  }

  /** Each machine in memory has one section 'snapshot', each stored one one of 'entries', an external one its files. */
  beginSection(kind: CheckpointSectionKind, machine: number, name = ''): void {
    this.#orGone(() => {
      this.#endSection()
      const machineKind = this.#meta.machines.find(({ id }) => id === machine)?.kind
      assert(machineKind !== undefined, `machine ${machine} is not in the checkpoint`)
      assert(SECTION_OF[machineKind] === kind, `a section '${kind}' of machine ${machine}, which is '${machineKind}'`)
      if (kind === 'file' ? !isFileName(name) : name !== '') fail('NOT_ENCODABLE', refusedName(machine, name))
      this.#section = { machine, kind, name, blocks: 0, bytes: 0, lastKeyBytes: -1 }
    })
  }

  /** Keys ascend bytewise; at most 65,535 bytes of a key and 64 MB of a value. */
  entry(key: Uint8Array, value: Uint8Array): void {
    this.#orGone(() => {
      const section = this.#section
      assert(section?.kind === 'entries', 'an entry outside of a section of entries')
      putEntryHeader(this.#header, key.length, value.length)
      assert(compareKeys(this.#lastKey, section.lastKeyBytes, key) < 0, 'entries do not ascend')
      copyBytes(key, 0, key.length, this.#lastKey, 0)
      section.lastKeyBytes = key.length
      this.#append(section, this.#header)
      this.#append(section, key)
      this.#append(section, value)
    })
  }

  /** The next part of a snapshot or of a file. */
  bytes(chunk: Uint8Array): void {
    this.#orGone(() => {
      const section = this.#section
      assert(section !== undefined && section.kind !== 'entries', 'bytes outside of a section of bytes')
      this.#append(section, chunk)
      if (section.kind === 'snapshot' && section.bytes > MAX_SNAPSHOT_BYTES)
        fail('TOO_LARGE', `the snapshot of machine ${section.machine} is larger than ${MAX_SNAPSHOT_BYTES} bytes`)
    })
  }

  /** Everything is flushed when this returns. One of the same instance is replaced. */
  finish(): LocalCheckpoint {
    return this.#orGone(() => {
      this.#endSection()
      const bytes = encodeCheckpointManifest(this.#meta, this.#sections, CheckpointBlocks.rowsOf(this.#rows))
      this.#data.flush()
      this.#data.close()
      writeCheckpointFile(join(this.#temporary, CHECKPOINT_MANIFEST), bytes)
      const path = placeCheckpoint(this.#temporary, this.#directory, this.#meta.instance)
      this.#ended = true
      return localCheckpoint(path, decodeCheckpointManifest(bytes), bytes.length)
    })
  }

  /** Removes what was written; nothing after `finish` or a throw. What cannot be removed goes at the next start. */
  abort(): void {
    if (this.#ended) return
    this.#ended = true
    this.#data.close()
    tryRemove(this.#temporary)
  }

  #append(section: OpenSection, bytes: Uint8Array): void {
    section.bytes += bytes.length
    for (let from = 0; from < bytes.length; ) {
      const count = Math.min(bytes.length - from, this.#block.length - this.#filled)
      copyBytes(bytes, from, count, this.#block, this.#filled)
      this.#filled += count
      from += count
      if (this.#filled === this.#block.length) this.#endBlock(section)
    }
  }

  #endBlock(section: OpenSection): void {
    const content = this.#block.subarray(0, this.#filled)
    const stored = packBlock(content)
    this.#data.append(stored)
    this.#rows.push({ stored: stored.length, content: content.length, crc: crc32(stored) })
    this.#filled = 0
    section.blocks++
  }

  #endSection(): void {
    const section = this.#section
    if (section === undefined) return
    if (this.#filled > 0) this.#endBlock(section)
    const { machine, kind, name, blocks } = section
    this.#sections.push({ machine, kind, name, blocks })
    this.#section = undefined
  }

  #orGone<T>(work: () => T): T {
    assert(!this.#ended, 'this checkpoint is finished or given up')
    try {
      return work()
    } catch (error) {
      this.abort()
      throw error
    }
  }
}

function tryRemove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch {
    // The error that led here says more; `settleCheckpoints` removes the folder.
  }
}

function refusedName(machine: number, name: string): string {
  const wanted = 'letters, digits, ".", "_" and "-", at most 100, the first a letter or a digit'
  return `machine ${machine} names a file ${JSON.stringify(name)}; a name has ${wanted}`
}
