import type { CodecError } from '../codec/codec-error.js'
import { copyOf } from '../codec/own-bytes.js'
import { decodePayload, encodePayload, type Payload } from '../codec/payload.js'
import { cheapError, codeOf, type Outcome, PaxosError } from './paxos-error.js'

/** Numbers of state-machine/outcome.ts, which stand in reply records. */
const OK = 0
const REJECTED = 1
const NOT_ENCODABLE = 2
const TOO_LARGE = 3
const UNREAD = 5

const utf8 = new TextDecoder()

/** The value to be proposed or asked, as bytes; throws what its caller gets, before anything is queued. */
export function encodeCall(value: unknown, maxBytes: number): Payload {
  try {
    return encodePayload(value, maxBytes)
  } catch (error) {
    const tooLarge = codeOf(error) === 'TOO_LARGE'
    const why = (error as CodecError).message
    throw tooLarge
      ? new PaxosError('COMMAND_TOO_LARGE', `${why} (option maxCommandBytes)`, { outcome: 'not-applied' })
      : new PaxosError('NOT_ENCODABLE', why, { outcome: 'not-applied', cause: error })
  }
}

/** The result of a command or the answer to a query; a PaxosError for everything that is none. */
export function readOutcome(
  status: number,
  flags: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  outcome: Outcome | undefined,
): unknown {
  if (status === OK) {
    try {
      return decodePayload(flags, bytes, offset, length)
    } catch (cause) {
      return failed('NOT_ENCODABLE', 'the result cannot be decoded', outcome, cause)
    }
  }
  const text = utf8.decode(copyOf(bytes, offset, length))
  if (status === REJECTED) {
    return cheapError('REJECTED', `the state machine refused it: ${text}`, { reason: text, ...withOutcome(outcome) })
  }
  if (status === NOT_ENCODABLE) return failed('NOT_ENCODABLE', 'the result cannot be encoded', outcome)
  if (status === TOO_LARGE) return failed('RESULT_TOO_LARGE', 'the result is above maxResultBytes', outcome)
  if (status === UNREAD) return failed('RESULT_UNREAD', 'this thread has left too many results unread', outcome)
  return failed('QUERY_FAILED', text, outcome)
}

export function isPaxosError(value: unknown): value is PaxosError {
  return value instanceof PaxosError
}

function failed(
  code: 'NOT_ENCODABLE' | 'RESULT_TOO_LARGE' | 'RESULT_UNREAD' | 'QUERY_FAILED',
  message: string,
  outcome: Outcome | undefined,
  cause?: unknown,
): PaxosError {
  return cheapError(code, message, { cause, ...withOutcome(outcome) })
}

function withOutcome(outcome: Outcome | undefined): { outcome?: Outcome } {
  return outcome === undefined ? {} : { outcome }
}
