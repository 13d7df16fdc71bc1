import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { GroupIndex } from '../base/numbers.js'
import type { AnyStateMachine } from '../state-machine/contract.js'
import { ExecuteFailure } from '../state-machine/execute-failure.js'
import type { CheckpointEntry } from '../store/checkpoint-entries.js'
import { CheckpointReader } from '../store/checkpoint-reader.js'
import { flushPath } from '../store/durable-files.js'
import type { StateLoad, StateStore } from '../store/state-store.js'
import { StoreError } from '../store/store-error.js'

/** Bytes of one slice: some milliseconds between two rounds, one flush included. */
const SLICE_BYTES = 1024 * 1024

export interface LoadTarget {
  readonly group: GroupIndex
  readonly clusterId: string
  readonly machines: readonly AnyStateMachine[]
  /** Undefined where nothing of the group is kept in a state environment. */
  readonly state: StateStore | undefined
  /** The directory of an external machine. */
  externalDirectory(machine: number): string
}

/**
 * Loads a checkpoint beside what the group has, a slice at a time while the group goes on. Nothing of it is seen before
 * `finish`, and whatever ends it before leaves the group as it was.
 */
export class CheckpointLoad {
  readonly reader: CheckpointReader
  readonly #target: LoadTarget
  readonly #staged: StateLoad | undefined
  readonly #entries: Iterator<readonly [number, CheckpointEntry]>

  /** Throws StoreError if the checkpoint cannot be read, or is not one of this group with these machines. */
  constructor(path: string, target: LoadTarget) {
    this.#target = target
    this.reader = CheckpointReader.open(path)
    this.#check()
    this.#staged = target.state?.beginLoad(target.group)
    this.#entries = this.#allEntries()
  }

  /** One slice: its bytes; undefined when there is nothing left to stage. Throws StoreError. */
  step(): number | undefined {
    let machine = -1
    let bytes = 0
    let slice: CheckpointEntry[] = []
    const flush = () => {
      if (slice.length > 0) this.#staged?.add(machine, slice)
      slice = []
    }
    for (;;) {
      const next = this.#entries.next()
      if (next.done === true) {
        flush()
        return undefined
      }
      const [id, entry] = next.value
      if (id !== machine) flush()
      machine = id
      slice.push(entry)
      bytes += entry.key.length + entry.value.length
      if (bytes < SLICE_BYTES) continue
      flush()
      return bytes
    }
  }

  /** The group's state is the checkpoint's when this returns. External machines are filled; those in memory are not here. Throws ExecuteFailure. */
  finish(): void {
    const { instance, chain, digest, builtIn, machines } = this.reader.manifest
    for (const { id, kind } of machines) if (kind === 'external') this.#restoreExternal(id)
    this.#staged?.finish({ executedUpTo: instance, chain, digest, builtIn })
    this.reader.close()
  }

  abort(): void {
    this.#staged?.abort()
    this.reader.close()
  }

  #check(): void {
    const { path, manifest } = this.reader
    const { group, clusterId, machines } = this.#target
    const kinds = new Map(machines.map(({ id, kind = 'memory' }) => [id, kind]))
    const stranger = manifest.machines.find(({ id, kind }) => kinds.get(id) !== kind)
    const flaw =
      manifest.group !== group || manifest.clusterId !== clusterId
        ? `it is of group ${manifest.group} of cluster ${manifest.clusterId}`
        : stranger &&
          `its machine ${stranger.id} is a ${stranger.kind} one, here it is ${kinds.get(stranger.id) ?? 'missing'}`
    if (flaw === undefined) return
    this.reader.close()
    throw new StoreError('CHECKPOINT_DAMAGED', `The checkpoint in ${path} cannot be loaded: ${flaw}.`, { path, group })
  }

  *#allEntries(): Generator<readonly [number, CheckpointEntry], void, undefined> {
    for (const { id, kind } of this.reader.manifest.machines) {
      if (kind !== 'stored') continue
      for (const entry of this.reader.entries(id)) yield [id, entry]
    }
  }

  #restoreExternal(id: number): void {
    const machine = this.#target.machines.find((candidate) => candidate.id === id)
    if (machine?.kind !== 'external') return
    const directory = this.#target.externalDirectory(id)
    const from = `${directory}.incoming`
    rmSync(from, { recursive: true, force: true })
    mkdirSync(from, { recursive: true })
    for (const { name, chunks } of this.reader.files(id)) writeFile(join(from, name), chunks())
    flushPath(from)
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true })
    try {
      const state = machine.restore({ group: this.#target.group, directory, from })
      machine.close?.(state)
    } catch (thrown) {
      throw new ExecuteFailure(id, this.reader.manifest.instance, 0, thrown)
    }
    rmSync(from, { recursive: true, force: true })
  }
}

function writeFile(path: string, chunks: Iterable<Uint8Array>): void {
  const fd = openSync(path, 'wx', 0o600)
  try {
    for (const chunk of chunks) {
      let done = 0
      while (done < chunk.length) done += writeSync(fd, chunk, done)
    }
  } finally {
    closeSync(fd)
  }
  flushPath(path)
}
