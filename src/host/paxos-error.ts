import { type ErrorCode, isErrorCode } from './error-codes.js'

/**
 * Whether the command that failed may have an effect. `not-applied`: it never will. `applied`: it is in the log and every
 * replica has dealt with it. `unknown`: it may still be chosen, or has been.
 */
export type Outcome = 'not-applied' | 'unknown' | 'applied'

export interface PaxosErrorDetails {
  readonly outcome?: Outcome
  /** `OVERLOADED`: milliseconds after which another try has a chance. */
  readonly retryAfterMs?: number
  /** `REJECTED`: what the state machine gave to `Reject`. */
  readonly reason?: unknown
  readonly cause?: unknown
}

/** The only class of error that the public door throws or rejects with. Branch on `code`, never on the message. */
export class PaxosError extends Error {
  readonly code: ErrorCode
  readonly outcome: Outcome | undefined
  readonly retryAfterMs: number | undefined
  readonly reason: unknown

  constructor(code: ErrorCode, message: string, details: PaxosErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'PaxosError'
    this.code = code
    this.outcome = details.outcome
    this.retryAfterMs = details.retryAfterMs
    this.reason = details.reason
  }
}

/**
 * For paths that reject thousands of callers in one turn: taking a stack for each costs more than everything else of
 * a command, and each would show the host's own loop.
 */
export function cheapError(code: ErrorCode, message: string, details: PaxosErrorDetails = {}): PaxosError {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return new PaxosError(code, message, details)
  } finally {
    Error.stackTraceLimit = limit
  }
}

/** Errors of other folders carry a `code` of ours or are wrapped; tested by property, since realms differ. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' ? code : undefined
}

/** What another part threw, as an error of the public door: its code if that is one of ours, else `fallback`. */
export function toPaxosError(error: unknown, fallback: ErrorCode): PaxosError {
  if (error instanceof PaxosError) return error
  const code = codeOf(error)
  const message = (error as { message?: unknown } | null | undefined)?.message
  return new PaxosError(isErrorCode(code) ? code : fallback, String(message ?? error), { cause: error })
}
