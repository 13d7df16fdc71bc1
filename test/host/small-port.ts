import { WorkerPort } from '../../src/host/worker-port.js'
import { allocateDoorbell } from '../../src/ring/doorbell.js'
import { allocateWorkerMemory, openHostEnd, openWorkerEnd, type WorkerEnd } from '../../src/ring/worker-memory.js'

/** The host's way to a worker of two groups with rings of 4 KiB, and the worker's end of them. */
export function smallPort(): { readonly port: WorkerPort; readonly worker: WorkerEnd } {
  const memory = allocateWorkerMemory({
    controlBytes: 4096,
    commandBytes: 4096,
    outboxBytes: 4096,
    groups: 2,
    timersPerGroup: 1,
    counterNames: [],
    hostBell: allocateDoorbell(),
  })
  const port = new WorkerPort(openHostEnd(memory), { maxMessageBytes: 1 << 20, largeBytes: 1 << 20 })
  return { port, worker: openWorkerEnd(memory) }
}
