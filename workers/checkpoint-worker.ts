import type { CheckpointTaken, CheckpointTask } from '../src/codec/checkpoint-task.js'
import { allocateDoorbell, Doorbell } from '../src/ring/doorbell.js'
import { isCondemned, WorkerGate } from '../src/ring/gate-word.js'
import { loadStateMachines } from '../src/state-machine/load.js'
import { LmdbLogView } from '../src/store/lmdb-log-view.js'
import { StateReader } from '../src/store/state-reader.js'
import { storeGate } from '../src/worker/build-worker.js'
import { makeCheckpoint } from '../src/worker/checkpoint-task.js'
import { monotonicClock } from '../src/worker/clock.js'
import { plainError } from '../src/worker/plain-error.js'
import { REST_FACTOR, Rest } from '../src/worker/rest.js'

/** One checkpoint, as a task of the pool. What goes wrong is thrown as `{ code, message }`. */
export default async function checkpointWorker(task: CheckpointTask): Promise<CheckpointTaken> {
  const gate = new WorkerGate(task.gate)
  try {
    const machines = await loadStateMachines(task.stateMachines)
    const clock = monotonicClock(0)
    const native = storeGate(gate)
    // Nobody rings it: it only ever times out.
    const pause = new Doorbell(allocateDoorbell())
    const rest = new Rest(gate, clock, (ms) => void pause.park(ms, () => true), REST_FACTOR)
    return makeCheckpoint(task, {
      gate,
      clock,
      rest,
      machines,
      openLog: (path) => new LmdbLogView(path, native),
      openState: (path) => StateReader.open(path, native),
    })
  } catch (error) {
    // Its host is about to terminate this thread: nothing native may run on the way out.
    if (isCondemned(error)) gate.halt()
    throw plainError(error, 'CHECKPOINT_FAILED')
  }
}
