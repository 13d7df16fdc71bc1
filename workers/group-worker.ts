import { receiveMessageOnPort } from 'node:worker_threads'
import type { PortChange } from '../src/codec/port-news.js'
import { ALL_GROUPS } from '../src/codec/record-kinds.js'
import type { WorkerThreadTask } from '../src/codec/worker-task.js'
import { allocateDoorbell, Doorbell } from '../src/ring/doorbell.js'
import type { PortMemory } from '../src/ring/port-memory.js'
import { openWorkerEnd, type WorkerMemory } from '../src/ring/worker-memory.js'
import { loadStateMachines } from '../src/state-machine/load.js'
import { LmdbLogStore } from '../src/store/lmdb-log-store.js'
import { openStateStore } from '../src/store/open-state.js'
import { buildWorker, storeGate } from '../src/worker/build-worker.js'
import { machineClock, monotonicClock } from '../src/worker/clock.js'
import { stateEvent } from '../src/worker/events.js'
import { osThread } from '../src/worker/os-thread.js'
import { plainError } from '../src/worker/plain-error.js'
import { runLoop } from '../src/worker/run-loop.js'

/**
 * One worker's thread, as a task of the pool that ends when the host says stop. Asynchronous only until its loop begins:
 * then no promise resolves here any more. What goes wrong before that is thrown as `{ code, message }`.
 */
export default async function groupWorker(task: WorkerThreadTask<WorkerMemory>): Promise<void> {
  try {
    const { voterId } = task
    const clock = monotonicClock(task.hostNow)
    const machines = await loadStateMachines(task.stateMachines)
    const end = openWorkerEnd(task.memory)
    const gate = storeGate(end.gate)
    // Nobody rings it: it only ever times out.
    const pause = new Doorbell(allocateDoorbell())
    const hooks = task.flushDelayMs > 0 ? { afterFlush: () => void pause.park(task.flushDelayMs, () => true) } : {}
    const { round, place } = buildWorker(task, {
      end,
      clock,
      watch: machineClock,
      machines,
      nextPortChange: () => receiveMessageOnPort(task.portChanges)?.message as PortChange<PortMemory> | undefined,
      openLog: ({ path }) => new LmdbLogStore({ path, voterId, gate, hooks }),
      openState: ({ statePath: path }, setAside, damaged) =>
        openStateStore({ path, voterId, gate, cacheBytes: task.state.cacheBytes }, setAside, damaged),
    })
    place.meter.set('osThread', osThread())
    runLoop(round, end.bell, place, () => {
      round.start(new Set(task.createGroups))
      place.outbox.event(ALL_GROUPS, stateEvent('ready'))
      place.outbox.publish()
    })
  } catch (error) {
    throw plainError(error, 'WORKER_FAILED')
  }
}
