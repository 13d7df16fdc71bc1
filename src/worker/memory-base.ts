import type { Instance } from '../base/numbers.js'
import { decodeBuiltIn } from '../codec/built-in-state.js'
import type { SavedSession } from '../core/sessions.js'
import type { MachineSet } from '../state-machine/machine-set.js'
import { localCheckpoints } from '../store/checkpoint-local.js'
import { CheckpointReader } from '../store/checkpoint-reader.js'
import { isStoreError, type StoreError } from '../store/store-error.js'

/** What in-memory machines were restored from: the log is replayed behind it. */
export interface MemoryBase {
  readonly instance: Instance
  readonly chain: number
  readonly digest: number
  readonly sessions: readonly SavedSession[]
  readonly machines: MachineSet
  /** Newer checkpoints that could not be read. */
  readonly unreadable: readonly StoreError[]
}

/**
 * Machines in memory as of the newest readable checkpoint that is not beyond `upTo`, or as they are created. `create` is
 * called for each attempt: half a restore leaves machines that are good for nothing.
 */
export function memoryBase(directory: string, upTo: Instance, create: () => MachineSet): MemoryBase {
  const unreadable: StoreError[] = []
  for (const { instance, path } of localCheckpoints(directory, (error) => unreadable.push(error))) {
    if (instance > upTo) continue
    try {
      return { ...restored(path, create()), unreadable }
    } catch (error) {
      if (!isStoreError(error)) throw error
      unreadable.push(error)
    }
  }
  return { instance: 0, chain: 0, digest: 0, sessions: [], machines: create(), unreadable }
}

function restored(path: string, machines: MachineSet): Omit<MemoryBase, 'unreadable'> {
  const reader = CheckpointReader.open(path)
  try {
    const { instance, chain, digest, builtIn, sections } = reader.manifest
    for (const { kind, machine } of sections)
      if (kind === 'snapshot' && machines.memoryIds.includes(machine))
        machines.restore(machine, reader.snapshot(machine))
    machines.startDigest(digest, instance)
    return { instance, chain, digest, sessions: decodeBuiltIn(builtIn).sessions, machines }
  } finally {
    reader.close()
  }
}
