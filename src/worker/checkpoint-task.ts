import { closeSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { GroupIndex } from '../base/numbers.js'
import type { CheckpointTaken, CheckpointTask } from '../codec/checkpoint-task.js'
import { GatePhase } from '../ring/gate-word.js'
import { saveOfMachine, savesPath } from '../store/checkpoint-layout.js'
import type { LocalCheckpoint } from '../store/checkpoint-local.js'
import { CheckpointWriter } from '../store/checkpoint-writer.js'
import type { StateEntry, StatePosition } from '../store/state-store.js'
import { CheckpointFailure } from './checkpoint-failure.js'
import { type MemoryParts, type MemoryStates, memoryStates } from './memory-states.js'

/** The state environment of a store as it is at one moment, whatever its owner commits meanwhile. */
export interface StateSnapshot {
  position(group: GroupIndex): StatePosition | undefined
  /** Ascending. */
  entries(group: GroupIndex, machine: number): Iterable<StateEntry>
  close(): void
}

/** What differs between a thread and a test. */
export interface CheckpointTaskParts extends MemoryParts {
  openState(path: string): StateSnapshot
}

/** Of a file that an external machine has saved. */
const CHUNK_BYTES = 256 * 1024

/**
 * Makes one checkpoint: everything in it is as of the requested instance, exactly, although the group goes on. Stored
 * machines are read out of a snapshot of the state environment; those in memory were saved by the group's thread, or are
 * restored here from the last checkpoint and replayed; external ones were saved by the group's thread.
 *
 * Throws CheckpointFailure, StoreError, ExecuteFailure; then nothing is left of it.
 */
export function makeCheckpoint(task: CheckpointTask, parts: CheckpointTaskParts): CheckpointTaken {
  return new CheckpointMaking(task, parts).run()
}

class CheckpointMaking {
  readonly #task: CheckpointTask
  readonly #parts: CheckpointTaskParts
  readonly #machines: readonly { readonly id: number; readonly kind: 'memory' | 'stored' | 'external' }[]
  #state: StateSnapshot | undefined

  constructor(task: CheckpointTask, parts: CheckpointTaskParts) {
    this.#task = task
    this.#parts = parts
    this.#machines = parts.machines
      .map(({ id, kind = 'memory' }) => ({ id, kind }))
      .sort((one, other) => one.id - other.id)
  }

  run(): CheckpointTaken {
    const task = this.#task
    this.#parts.gate.enter(GatePhase.round, task.group)
    try {
      const committed = this.#openState()
      task.opened.postMessage(undefined)
      const memory = memoryStates(task, this.#parts)
      const position = this.#agreed(committed, memory.position)
      const { instance, id, manifestBytes, dataBytes } = this.#write(position, memory)
      return { instance, id, manifestBytes, dataBytes, snapshotMs: memory.snapshotMs }
    } finally {
      this.#state?.close()
      task.opened.close()
      const { inlinePath, instance } = task.request
      if (inlinePath !== '') rmSync(inlinePath, { force: true })
      rmSync(savesPath(task.directory, instance), { recursive: true, force: true })
    }
  }

  /** Where there are machines whose positions it keeps. */
  #openState(): StatePosition | undefined {
    const { statePath, group, request } = this.#task
    if (!this.#machines.some(({ kind }) => kind !== 'memory')) return undefined
    this.#state = this.#parts.openState(statePath)
    const position = this.#state.position(group)
    if (position?.executedUpTo === request.instance) return position
    const found = position === undefined ? 'nowhere' : `at instance ${position.executedUpTo}`
    const message = `the state of group ${group} in ${statePath} is ${found}, it was to be read at ${request.instance}`
    throw new CheckpointFailure('STATE_MOVED', message)
  }

  /** The state environment knows more: positions of external machines, and the results of stored ones in the digest. */
  #agreed(committed: StatePosition | undefined, memory: StatePosition | undefined): StatePosition {
    const { instance } = this.#task.request
    const position = committed ?? memory
    if (position === undefined) throw new CheckpointFailure('CHECKPOINT_FAILED', 'nothing says where the group stands')
    const other = memory ?? position
    if (other.executedUpTo === instance && other.chain === position.chain) return position
    const found = `instance ${other.executedUpTo} with chain ${other.chain}`
    const message = `the machines in memory are at ${found}, the checkpoint is of ${instance} with ${position.chain}`
    throw new CheckpointFailure('CHECKPOINT_FAILED', message)
  }

  #write({ chain, digest, builtIn }: StatePosition, memory: MemoryStates): LocalCheckpoint {
    const { group, request, directory, clusterId, membership, createdAt } = this.#task
    const voters = [...membership.voters].sort((one, other) => one.nodeId - other.nodeId)
    const writer = CheckpointWriter.begin(directory, {
      instance: request.instance,
      chain,
      digest,
      builtIn,
      group,
      clusterId,
      membership: { version: membership.version, voters },
      machines: this.#machines,
      createdAt,
    })
    try {
      for (const { id, kind } of this.#machines) {
        if (kind === 'stored') this.#writeEntries(writer, id)
        else if (kind === 'external') this.#writeFiles(writer, id)
        else this.#writeSnapshot(writer, id, memory)
      }
      return writer.finish()
    } catch (error) {
      writer.abort()
      throw error
    }
  }

  #writeEntries(writer: CheckpointWriter, machine: number): void {
    writer.beginSection('entries', machine)
    for (const { key, value } of this.#state?.entries(this.#task.group, machine) ?? []) {
      writer.entry(key, value)
      this.#parts.rest.look()
    }
  }

  #writeSnapshot(writer: CheckpointWriter, machine: number, memory: MemoryStates): void {
    writer.beginSection('snapshot', machine)
    const bytes = memory.snapshot(machine)
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      writer.bytes(bytes.subarray(at, at + CHUNK_BYTES))
      this.#parts.rest.lookAtOnce()
    }
  }

  #writeFiles(writer: CheckpointWriter, machine: number): void {
    const save = saveOfMachine(savesPath(this.#task.directory, this.#task.request.instance), machine)
    const chunk = new Uint8Array(CHUNK_BYTES)
    for (const entry of readdirSync(save, { withFileTypes: true })) {
      const path = join(save, entry.name)
      if (!entry.isFile()) {
        const message = `external machine ${machine} has saved ${path}, which is no plain file`
        throw new CheckpointFailure('CHECKPOINT_FAILED', message)
      }
      writer.beginSection('file', machine, entry.name)
      const fd = openSync(path, 'r')
      try {
        for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk)) {
          writer.bytes(chunk.subarray(0, read))
          this.#parts.rest.lookAtOnce()
        }
      } finally {
        closeSync(fd)
      }
    }
  }
}
