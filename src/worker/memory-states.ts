import type { Millis } from '../base/numbers.js'
import { encodeBuiltIn } from '../codec/built-in-state.js'
import type { CheckpointTask } from '../codec/checkpoint-task.js'
import { GatePhase, UserCode, type WorkerGate } from '../ring/gate-word.js'
import type { AnyStateMachine } from '../state-machine/contract.js'
import { MachineSet } from '../state-machine/machine-set.js'
import { readInline } from '../store/checkpoint-inline.js'
import type { StatePosition } from '../store/state-store.js'
import { CheckpointFailure } from './checkpoint-failure.js'
import type { Clock } from './clock.js'
import { memoryBase } from './memory-base.js'
import { payloadTools } from './payload-tools.js'
import { Replay, type ReplayLog } from './replay.js'
import type { Rest } from './rest.js'

/** What the in-memory machines of a group have come to at one instance. */
export interface MemoryStates {
  /** Where that is; undefined if there are no such machines. */
  readonly position: StatePosition | undefined
  /** Encoded: each is asked for once. */
  snapshot(machine: number): Uint8Array
  /** What `snapshot` and its encoding have taken here. */
  readonly snapshotMs: Millis
}

export interface MemoryParts {
  readonly gate: WorkerGate
  readonly clock: Clock
  readonly rest: Rest
  readonly machines: readonly AnyStateMachine[]
  openLog(path: string): ReplayLog & { close(): void }
}

/** As the group's thread has saved them, or restored from the last checkpoint and replayed. */
export function memoryStates(task: CheckpointTask, parts: MemoryParts): MemoryStates {
  const { inlinePath, replay } = task.request
  if (inlinePath !== '') return savedStates(inlinePath)
  return replay ? new ReplayedStates(task, parts) : { position: undefined, snapshot: notThere, snapshotMs: 0 }
}

function savedStates(path: string): MemoryStates {
  const { position, snapshots } = readInline(path)
  const of = (id: number) => snapshots.find(({ machine }) => machine === id)?.bytes
  return { position, snapshot: (machine) => of(machine) ?? notThere(machine), snapshotMs: 0 }
}

class ReplayedStates implements MemoryStates {
  readonly position: StatePosition
  snapshotMs: Millis = 0
  readonly #parts: MemoryParts
  readonly #machines: MachineSet

  constructor(
    { group, request, directory, logPath, maxResultBytes, sessionInstances }: CheckpointTask,
    parts: MemoryParts,
  ) {
    const { gate, clock, rest, machines, openLog } = parts
    const { instance } = request
    const inMemory = machines.filter(({ kind = 'memory' }) => kind === 'memory')
    gate.enter(GatePhase.user, group, UserCode.restore)
    const base = memoryBase(directory, instance, () => new MachineSet(inMemory, payloadTools, maxResultBytes))
    gate.enter(GatePhase.round, group)
    const log = openLog(logPath)
    try {
      const replay = new Replay({ group, gate, clock, rest, sessionInstances }, log, base)
      replay.to(instance)
      const builtIn = encodeBuiltIn({ sessions: replay.sessions.save(), externals: [] })
      this.position = { executedUpTo: instance, chain: replay.chain, digest: base.machines.digest, builtIn }
    } finally {
      log.close()
    }
    this.#parts = parts
    this.#machines = base.machines
  }

  snapshot(machine: number): Uint8Array {
    const { gate, clock } = this.#parts
    const before = clock.now()
    gate.enter(GatePhase.user, undefined, UserCode.checkpoint)
    const bytes = this.#machines.snapshot(machine)
    gate.enter(GatePhase.round)
    this.snapshotMs += clock.now() - before
    return bytes
  }
}

function notThere(machine: number): never {
  throw new CheckpointFailure('CHECKPOINT_FAILED', `nothing was saved of machine ${machine}, which is in memory`)
}
