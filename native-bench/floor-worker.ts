// A thread of the floor: drain, send, one durable commit, answer. The rounds of the runtime without its protocol.
import { parentPort, workerData } from 'node:worker_threads'
import { openWorkerEnd } from '../src/ring/worker-memory.js'
import { LmdbLogStore } from '../src/store/lmdb-log-store.js'
import type { GroupWrite } from '../src/store/log-store.js'
import { FloorGroup } from './floor-group.js'
import { COMMAND_HEAD_BYTES, FLOOR_RECORD, type FloorWorkerTask, MESSAGE_HEAD_BYTES } from './floor-records.js'

const task = workerData as FloorWorkerTask
const { control, command, outbox, bell, counters } = openWorkerEnd(task.memory)
const { commits, batches } = counters.cell as { commits: number; batches: number }
const sleeper = new Int32Array(new SharedArrayBuffer(4))
const store = new LmdbLogStore({
  path: task.path,
  voterId: '0000000000000001',
  hooks: task.flushDelayMs > 0 ? { afterFlush: () => Atomics.wait(sleeper, 0, 0, task.flushDelayMs) } : {},
})
store.create(task.groups)
const groups = new Map(task.groups.map((index) => [index, new FloorGroup(index, task.slot, task.nodes, outbox)]))
const all = [...groups.values()]
const stillEmpty = (): boolean => control.isEmpty() && command.isEmpty()
let stopping = false

function drainControl(): void {
  control.snapshot()
  while (control.next()) {
    if (control.kind === FLOOR_RECORD.stop) {
      stopping = true
      continue
    }
    const { view, bytes, offset, length } = control
    const group = groups.get(view.getUint32(offset, true))
    const from = view.getUint32(offset + 4, true)
    group?.message(from, view, bytes, offset + MESSAGE_HEAD_BYTES, length - MESSAGE_HEAD_BYTES)
  }
  control.release()
}

function drainCommands(): void {
  command.snapshot()
  while (command.next()) {
    const { view, bytes, offset, length } = command
    const group = groups.get(view.getUint32(offset, true))
    const sequence = view.getFloat64(offset + 8, true)
    group?.command(sequence, bytes, offset + COMMAND_HEAD_BYTES, length - COMMAND_HEAD_BYTES)
  }
  command.release()
}

function commit(): void {
  const writing = all.flatMap((group) => {
    const write = group.write()
    return write === undefined ? [] : [{ group, write }]
  })
  if (writing.length === 0) return
  const writes: GroupWrite[] = writing.map(({ write }) => write)
  store.commit(writes)
  store.endRound()
  counters.add(commits)
  counters.add(
    batches,
    writes.reduce((total, { records }) => total + records.length, 0),
  )
  for (const { group } of writing) group.persisted()
}

parentPort?.postMessage('ready')
while (!stopping) {
  drainControl()
  drainCommands()
  for (const group of all) group.cut()
  outbox.publish()
  commit()
  for (const group of all) group.answer()
  outbox.publish()
  if (stillEmpty()) bell.park(1000, stillEmpty)
}
store.close()
