/**
 * Every code a caller can meet. They are stable: programs branch on them. docs/errors.md holds the cause, the effect and
 * what to do for each; a test compares the two.
 */
export const ERROR_CODES = [
  // Starting a node: nothing has been written when one of these comes.
  'INVALID_OPTION',
  'DATA_DIR_IN_USE',
  'STORE_FOREIGN',
  'FORMAT_UNKNOWN',
  'MANIFEST_DAMAGED',
  'LAYOUT_CHANGED',
  'PORT_IN_USE',
  'PORT_FORBIDDEN',
  'ADDRESS_INVALID',
  'LISTEN_FAILED',
  'UWS_UNAVAILABLE',
  'STATE_MACHINE_INVALID',
  'NOT_BORN',
  'BIRTH_REFUSED',
  // Calls to a group.
  'NO_SUCH_GROUP',
  'NO_SUCH_MACHINE',
  'COMMAND_TOO_LARGE',
  'NOT_ENCODABLE',
  'OVERLOADED',
  'TIMEOUT',
  'NO_QUORUM',
  'ABORTED',
  'REJECTED',
  'RESULT_TOO_LARGE',
  'QUERY_FAILED',
  'CHECKPOINT_FAILED',
  'NODE_STOPPED',
  // Ports of the application.
  'TOO_MANY_PORTS',
  'PORT_CLOSED',
  'RESULT_UNREAD',
  // Groups, workers and stores in trouble: for callers, and as alarms.
  'GROUP_RESTARTED',
  'GROUP_FAILED',
  'EXECUTE_FAILED',
  'WORKER_FAILED',
  'WORKER_STUCK',
  'WORKER_OUT_OF_MEMORY',
  'RING_CORRUPT',
  'STORAGE_FAILED',
  'DISK_FULL',
  'STALLED',
  'STORE_DAMAGED',
  'GROUP_DAMAGED',
  'RECORD_DAMAGED',
  'STATE_DAMAGED',
  'CHECKPOINT_DAMAGED',
  'MACHINE_AHEAD',
  'MACHINE_BEHIND',
  'CHAIN_MISMATCH',
  'CONTRADICTED',
  // The node itself, as alarms.
  'VOTER_UNKNOWN',
  'LOOP_DELAYED',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

const known: ReadonlySet<string> = new Set(ERROR_CODES)

export function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && known.has(code)
}
