import type { GroupIndex } from '../../src/base/numbers.js'
import type { WorkerStore, WorkerTask } from '../../src/codec/worker-task.js'

/** Nothing happens by itself: no checkpoint is taken, and the whole log is kept. */
export const QUIET_POLICIES: Pick<WorkerTask, 'clusterId' | 'checkpoints' | 'hold' | 'state' | 'scrub' | 'sync'> = {
  clusterId: '00000000000000c1',
  checkpoints: { everyInstances: Infinity, everyBytes: Infinity, everyMs: Infinity, keep: 2 },
  hold: { instances: Infinity, ms: Infinity, bytes: Infinity },
  sync: 'always',
  scrub: { bytesPerSecond: 0, everyMs: 0 },
  state: { commitBytes: 4 * 1024 * 1024, commitMs: 1000, cacheBytes: 4 * 1024 * 1024 },
}

/** A store whose parts lie beside its log, each under the log's path and a word. */
export function workerStore(path: string, groups: readonly GroupIndex[]): WorkerStore {
  return {
    path,
    statePath: `${path}-state`,
    externalPath: `${path}-external`,
    groups,
    checkpointPaths: groups.map((group) => `${path}-checkpoints/group-${group}`),
  }
}
