import { PaxosError } from '../../src/index.js'
import { failure, type HttpResponse } from './http-types.js'

const statusOf: Readonly<Record<string, number>> = {
  NOT_ENCODABLE: 400,
  REJECTED: 400,
  COMMAND_TOO_LARGE: 413,
  RESULT_TOO_LARGE: 413,
  OVERLOADED: 503,
  NO_QUORUM: 503,
  GROUP_RESTARTED: 503,
  GROUP_FAILED: 503,
  EXECUTE_FAILED: 503,
  STALLED: 503,
  STORAGE_FAILED: 503,
  DISK_FULL: 503,
  SESSION_EXPIRED: 503,
  NODE_STOPPED: 503,
  TIMEOUT: 504,
}

/** `outcome` tells a client whether its write may still take effect: without it, a retry could write twice. */
export function errorResponse(error: unknown): HttpResponse {
  if (!(error instanceof PaxosError)) {
    return failure(500, 'INTERNAL', error instanceof Error ? error.message : String(error), { outcome: 'unknown' })
  }
  const { code, message, outcome, retryAfterMs } = error
  const status = statusOf[code] ?? 500
  const details = { outcome: outcome ?? 'not-applied' }
  if (retryAfterMs === undefined) return failure(status, code, message, details)
  // The header counts in whole seconds; the body has the hint as it was given.
  const response = failure(status, code, message, { ...details, retryAfterMs })
  return { ...response, headers: { ...response.headers, 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } }
}
