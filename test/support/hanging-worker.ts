import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { WorkerTask } from '../../src/codec/worker-task.js'
import { openWorkerEnd, type WorkerMemory } from '../../src/ring/worker-memory.js'
import { loadStateMachines } from '../../src/state-machine/load.js'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { LmdbStateStore } from '../../src/store/lmdb-state-store.js'
import type { LogStore, StoreGate } from '../../src/store/log-store.js'
import { StoreError } from '../../src/store/store-error.js'
import { buildWorker, storeGate } from '../../src/worker/build-worker.js'
import { machineClock, monotonicClock } from '../../src/worker/clock.js'
import { runLoop } from '../../src/worker/run-loop.js'

type Task = WorkerTask<WorkerMemory> & { readonly hostNow?: number; readonly createGroups?: readonly number[] }

/**
 * The group worker, but a commit does not end while there is a file `hang` beside the log, and no group can be created
 * in a store that is opened while there is a file `barren` in the data directory.
 */
export default async function hangingWorker(task: Task): Promise<void> {
  const machines = await loadStateMachines(task.stateMachines)
  const end = openWorkerEnd(task.memory)
  const { round, place } = buildWorker(task, {
    end,
    clock: monotonicClock(task.hostNow),
    watch: machineClock,
    machines,
    nextPortChange: () => undefined,
    openLog: ({ path }) => {
      const log = new LmdbLogStore({ path, voterId: task.voterId, gate: hanging(storeGate(end.gate), path) })
      return existsSync(join(dirname(dirname(path)), 'barren')) ? barren(log, path) : log
    },
    openState: ({ statePath: path }) => new LmdbStateStore({ path, voterId: task.voterId, gate: storeGate(end.gate) }),
  })
  runLoop(round, end.bell, place, () => round.start(new Set(task.createGroups)))
}

function barren(log: LogStore, path: string): LogStore {
  log.create = () => {
    throw new StoreError('STORAGE_FAILED', 'no group can be created here', { path })
  }
  return log
}

function hanging(gate: StoreGate, path: string): StoreGate {
  const file = join(dirname(path), 'hang')
  const nobody = new Int32Array(new SharedArrayBuffer(4))
  return {
    beginCommit: () => {
      gate.beginCommit()
      while (existsSync(file)) Atomics.wait(nobody, 0, 0, 5)
    },
    endCommit: () => gate.endCommit(),
  }
}
