/**
 * The parts of a worker's time, in the order of a round: docs/benchmarks.md says what belongs to which. Together they are
 * all of it, by the clock: a thread that waits for a core is in them too.
 */
export const WORKER_TIMES = [
  'startMs',
  'controlMs',
  'commandsMs',
  'proposeMs',
  'commitMs',
  'persistedMs',
  'executeMs',
  'stateCommitMs',
  'keepMs',
  'reportMs',
  'parkedMs',
] as const
export type WorkerTime = (typeof WORKER_TIMES)[number]

/** The cells of shared memory in which a worker counts, and which its host reads; durations in milliseconds. */
export const WORKER_COUNTERS = [
  ...WORKER_TIMES,
  'rounds',
  'parks',
  'commits',
  'stateCommits',
  'recordsWritten',
  'bytesWritten',
  'instancesExecuted',
  'commandsExecuted',
  'sends',
  'messages',
  'commands',
  'queries',
  'timers',
  'badRecords',
  /** The number of this thread in the system (`/proc/self/task`, `top -H`); 0 where that is not known. */
  'osThread',
] as const
export type WorkerCounter = (typeof WORKER_COUNTERS)[number]
