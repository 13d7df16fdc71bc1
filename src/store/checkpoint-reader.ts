import { join } from 'node:path'
import { assert } from '../base/assert.js'
import { CodecError } from '../codec/codec-error.js'
import { allocateBytes } from '../codec/own-bytes.js'
import { CheckpointData, readCheckpointManifest } from './checkpoint-data.js'
import { type CheckpointEntry, entriesOf } from './checkpoint-entries.js'
import { damagedCheckpoint } from './checkpoint-errors.js'
import { CHECKPOINT_DATA } from './checkpoint-layout.js'
import type { CheckpointManifest, CheckpointSection, CheckpointSectionKind } from './checkpoint-manifest.js'

/** A file that an external machine put into a checkpoint. */
export interface CheckpointFileContent {
  /** Letters, digits, '.', '_' and '-', the first a letter or a digit: never a way out of a directory. */
  readonly name: string
  readonly bytes: number
  chunks(): Iterable<Uint8Array>
}

/**
 * What is in a checkpoint. Every byte that it hands out was checked against the manifest, and the manifest against
 * itself; otherwise it throws CHECKPOINT_DAMAGED. It reads when asked, a block at a time, and the bytes are the caller's
 * own, though they may keep the block that they lie in.
 */
export class CheckpointReader {
  readonly path: string
  readonly manifest: CheckpointManifest
  readonly #data: CheckpointData

  private constructor(path: string, manifest: CheckpointManifest) {
    this.path = path
    this.manifest = manifest
    this.#data = new CheckpointData(path, manifest)
  }

  /** Looks at the manifest and at the size of the data. Throws CHECKPOINT_DAMAGED, FORMAT_UNKNOWN, STORAGE_FAILED. */
  static open(path: string): CheckpointReader {
    return new CheckpointReader(path, readCheckpointManifest(path).manifest)
  }

  /** Of a stored machine, ascending. */
  entries(machine: number): IterableIterator<CheckpointEntry> {
    return this.#entriesIn(this.#section('entries', machine))
  }

  /** Of a machine in memory. */
  snapshot(machine: number): Uint8Array {
    const section = this.#section('snapshot', machine)
    const whole = allocateBytes(section.bytes)
    let at = 0
    for (const content of this.#contents(section)) {
      whole.set(content, at)
      at += content.length
    }
    return whole
  }

  /** Of an external machine. */
  files(machine: number): CheckpointFileContent[] {
    return this.manifest.sections
      .filter((section) => section.kind === 'file' && section.machine === machine)
      .map((section) => ({ name: section.name, bytes: section.bytes, chunks: () => this.#contents(section) }))
  }

  /** Reads all of it. Throws CHECKPOINT_DAMAGED for the first thing that is not as it was written. */
  verify(onProgress?: (doneBytes: number, ofBytes: number) => void): void {
    const { sections, blocks } = this.manifest
    for (const section of sections) {
      const content = this.#contents(section, (block) => onProgress?.(blocks.offset(block + 1), blocks.dataBytes))
      for (const _ of section.kind === 'entries' ? this.#entriesIn(section, content) : content);
    }
  }

  close(): void {
    this.#data.close()
  }

  #section(kind: CheckpointSectionKind, machine: number): CheckpointSection {
    const section = this.manifest.sections.find((one) => one.machine === machine && one.kind === kind)
    assert(section !== undefined, `${this.path} has no section '${kind}' of machine ${machine}`)
    return section
  }

  *#contents({ firstBlock, blocks }: CheckpointSection, onRead?: (block: number) => void): Generator<Uint8Array, void> {
    for (let block = firstBlock; block < firstBlock + blocks; block++) {
      const content = this.#data.content(block)
      onRead?.(block)
      yield content
    }
  }

  *#entriesIn(section: CheckpointSection, content = this.#contents(section)): Generator<CheckpointEntry, void> {
    try {
      yield* entriesOf(content, section.bytes)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      const what = `the entries of machine ${section.machine}: ${error.message}`
      throw damagedCheckpoint(join(this.path, CHECKPOINT_DATA), what, error)
    }
  }
}
