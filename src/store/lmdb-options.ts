/** How every environment is opened: all threads of a process share one, with the options of whoever opened it first. */
export const LMDB_OPTIONS = {
  noSubdir: false,
  encoding: 'binary',
  keyEncoding: 'binary',
  // With overlapping flushes a failed one leaves its pages visible, and the next commit makes them durable.
  overlappingSync: false,
  maxDbs: 1,
} as const
