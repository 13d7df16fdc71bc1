/** The cells of shared memory in which a worker counts, and which its host reads; durations in milliseconds. */
export const WORKER_COUNTERS = [
  'rounds',
  'parks',
  'commits',
  'commitMs',
  'stateCommits',
  'stateCommitMs',
  'keepMs',
  'recordsWritten',
  'bytesWritten',
  'instancesExecuted',
  'commandsExecuted',
  'executeMs',
  'sends',
  'messages',
  'commands',
  'queries',
  'timers',
  'badRecords',
] as const
export type WorkerCounter = (typeof WORKER_COUNTERS)[number]
