import { crc32 } from 'node:zlib'
import { assert } from '../../src/base/assert.js'
import type { Instance } from '../../src/base/numbers.js'
import type { Base, CheckpointRef } from '../../src/core/durable.js'
import type { PartStored } from '../../src/core/input.js'

/** What a disk keeps of the replicated state: the built-in state, and of the machine of the simulation what it counts. */
export interface SavedState extends Base {
  /** Runs that were executed up to `executedUpTo`. */
  readonly executed: number
}

export const NO_STATE: SavedState = { executedUpTo: 0, chain: 0, sessions: [], executed: 0 }

interface Manifest {
  readonly instance: Instance
  /** Two nodes write no two checkpoints that are the same bytes. */
  readonly maker: string
  readonly crcs: readonly number[]
}

/** A finished checkpoint as it lies on a disk: the bytes that peers are sent, piece by piece. */
export class SimCheckpoint {
  readonly instance: Instance
  readonly id: number
  readonly parts: readonly Uint8Array[]
  /** Of the parts, so many are pieces of the manifest; they come first. */
  readonly manifestParts: number
  readonly manifestBytes: number
  readonly dataBytes: number
  /** That its manifest speaks of. */
  private readonly blocks: number
  /** False: bits of it have flipped. Whoever reads it finds out. */
  isSound = true
  /** A peer takes it: it stays until then. */
  pinnedUntil = 0

  constructor(parts: readonly Uint8Array[], manifestParts: number) {
    const manifest = Buffer.concat(parts.slice(0, manifestParts))
    this.parts = parts
    this.manifestParts = manifestParts
    const { instance, crcs } = JSON.parse(manifest.toString()) as Manifest
    this.instance = instance
    this.blocks = crcs.length
    this.id = crc32(manifest)
    this.manifestBytes = manifest.length
    this.dataBytes = parts.slice(manifestParts).reduce((sum, { length }) => sum + length, 0)
  }

  get ref(): CheckpointRef {
    const { instance, id, manifestBytes, dataBytes } = this
    return { instance, id, manifestBytes, dataBytes }
  }

  is({ instance, id }: { readonly instance: Instance; readonly id: number }): boolean {
    return this.instance === instance && this.id === id
  }

  /** The state in it, put together from its parts. */
  state(): SavedState {
    assert(this.isSound, 'a damaged checkpoint is read')
    const data = this.parts.slice(this.manifestParts)
    assert(data.length === this.blocks, `a checkpoint of ${this.instance} has ${data.length} of ${this.blocks} blocks`)
    return JSON.parse(Buffer.concat(data).toString()) as SavedState
  }
}

/** `blocks`: of the data. */
export function makeCheckpoint(state: SavedState, maker: string, blocks: number): SimCheckpoint {
  const data = cut(Buffer.from(JSON.stringify(state)), blocks)
  const manifest: Manifest = { instance: state.executedUpTo, maker, crcs: data.map((block) => crc32(block)) }
  const pieces = cut(Buffer.from(JSON.stringify(manifest)), blocks > 2 ? 2 : 1)
  return new SimCheckpoint([...pieces, ...data], pieces.length)
}

function cut(bytes: Buffer, count: number): Uint8Array[] {
  const size = Math.ceil(bytes.length / count)
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size))
  return parts
}

/** A checkpoint that is being received. What was not flushed yet is lost with the process. */
export class Incoming {
  readonly ref: CheckpointRef
  private readonly parts: Uint8Array[] = []
  private flushed = 0
  private manifest: Manifest | undefined
  private manifestParts = 0

  constructor(ref: CheckpointRef) {
    this.ref = ref
  }

  get next(): number {
    return this.parts.length
  }

  /** Parts that are known to exist. */
  get known(): number {
    return this.manifest === undefined ? this.parts.length + 1 : this.manifestParts + this.manifest.crcs.length
  }

  get isComplete(): boolean {
    return this.manifest !== undefined && this.next === this.known
  }

  /** The part that is wanted next. */
  append(bytes: Uint8Array): PartStored['state'] {
    const { manifest } = this
    if (manifest !== undefined && crc32(bytes) !== manifest.crcs[this.next - this.manifestParts]) return 'refused'
    this.parts.push(bytes)
    if (manifest === undefined && !this.readManifest()) return 'refused'
    return this.isComplete ? 'complete' : 'open'
  }

  flush(): void {
    this.flushed = this.parts.length
  }

  crash(): void {
    this.parts.length = this.flushed
    if (this.flushed < this.manifestParts) this.manifest = undefined
  }

  finish(): SimCheckpoint {
    assert(this.isComplete, 'only what is complete gets its final name')
    return new SimCheckpoint([...this.parts], this.manifestParts)
  }

  /** False: it is not the manifest that was offered. */
  private readManifest(): boolean {
    const bytes = Buffer.concat(this.parts)
    if (bytes.length < this.ref.manifestBytes) return true
    if (crc32(bytes) !== this.ref.id) return false
    this.manifest = JSON.parse(bytes.toString()) as Manifest
    this.manifestParts = this.parts.length
    return true
  }
}

/** All checkpoints that were ever made: what their parts truly are. */
export class CheckpointRegister {
  private readonly made = new Map<string, SimCheckpoint>()

  add(checkpoint: SimCheckpoint): void {
    this.made.set(`${checkpoint.instance} ${checkpoint.id}`, checkpoint)
  }

  part({ instance, id }: CheckpointRef, part: number): Uint8Array | undefined {
    return this.made.get(`${instance} ${id}`)?.parts[part]
  }
}
