import { existsSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import type { CheckpointTaken, CheckpointTask } from '../../../src/codec/checkpoint-task.js'
import { GatePhase, isCondemned, NO_GROUP, UserCode, WorkerGate } from '../../../src/ring/gate-word.js'

/**
 * In place of the checkpoint worker: does what stands in `directory`. With `wait` it goes on once there is a file at
 * `logPath`, and shows its progress meanwhile.
 */
export default async function toldWorker(task: CheckpointTask): Promise<CheckpointTaken> {
  const gate = new WorkerGate(task.gate)
  const nobody = new Int32Array(new SharedArrayBuffer(4))
  const sleep = () => Atomics.wait(nobody, 0, 0, 2)
  if (task.directory !== 'silent') task.opened.postMessage(undefined)
  try {
    switch (task.directory) {
      case 'throw':
        throw Object.assign(new Error('no paper'), { code: 'DISK_FULL' })
      case 'wait':
        for (; !existsSync(task.logPath); sleep()) gate.progress()
        break
      case 'commit':
        // As if in a native transaction: whoever ends it there hangs.
        gate.tryBeginCommit()
        while (!existsSync(task.logPath)) sleep()
        gate.endCommit()
        break
      case 'loop':
        gate.enter(GatePhase.user, NO_GROUP, UserCode.checkpoint)
        for (;;) sleep()
      case 'hog': {
        const hoard: unknown[] = []
        for (;;) hoard.push(new Array(1_000).fill(hoard.length))
      }
    }
  } catch (error) {
    if (isCondemned(error)) gate.halt()
    const { code, message } = error as { code: string; message: string }
    throw { code, message }
  }
  return { instance: task.request.instance, id: threadId, manifestBytes: 1, dataBytes: 2, snapshotMs: 3 }
}
