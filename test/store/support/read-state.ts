// A thread that reads a state while its owner, another thread, goes on writing. Opens a reader and says so, waits until it
// is told that the owner has gone on, and says what it read.
import { parentPort, workerData } from 'node:worker_threads'
import { StateReader } from '../../../src/store/state-reader.js'
import { text } from './state-values.js'

const { path, told } = workerData as { path: string; told: Int32Array }
const reader = StateReader.open(path)
parentPort?.postMessage('opened')
Atomics.wait(told, 0, 0)
const read = (group: number) => ({
  position: reader.position(group),
  machines: reader.machines(group).map((machine) => ({
    machine,
    entries: [...reader.entries(group, machine)].map(({ key, value }) => [text(key), text(value)]),
  })),
})
try {
  parentPort?.postMessage([0, 1, 2].map(read))
} catch (error) {
  parentPort?.postMessage({ code: (error as { code?: string }).code, group: (error as { group?: number }).group })
} finally {
  reader.close()
}
