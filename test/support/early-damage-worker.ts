import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkerThreadTask } from '../../src/codec/worker-task.js'
import { openWorkerEnd, type WorkerMemory } from '../../src/ring/worker-memory.js'
import { alarm } from '../../src/worker/events.js'
import { Outbox } from '../../src/worker/outbox.js'
import groupWorker from '../../workers/group-worker.js'

/** The group worker, but a log that is there already is told to be damaged before the worker says that it is ready. */
export default function earlyDamageWorker(task: WorkerThreadTask<WorkerMemory>): Promise<void> {
  for (const { path, groups } of task.stores) {
    if (!existsSync(join(path, 'data.mdb'))) continue
    const end = openWorkerEnd(task.memory)
    const outbox = new Outbox(end.outbox, end.gate, task.peers)
    outbox.event(groups[0] as number, alarm('STORE_DAMAGED', { message: 'a page is missing', path }))
    outbox.publish()
  }
  return groupWorker(task)
}
