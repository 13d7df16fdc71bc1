import type { EventFields, WorkerEvent } from '../codec/worker-records.js'
import { describeThrown, type ExecuteFailure } from '../state-machine/execute-failure.js'

/** An event travels in one bounded record: a stack or a message beyond this tells nothing more. */
const MAX_TEXT = 8192

export function alarm(code: string, fields: EventFields): WorkerEvent {
  return { kind: 'alarm', code, fields }
}

export function stateEvent(state: string, fields: EventFields = {}): WorkerEvent {
  return { kind: 'state', state, fields }
}

export function textOf(text: unknown): string {
  return String(text).slice(0, MAX_TEXT)
}

function stackOf(thrown: unknown): string {
  const stack = (thrown as { stack?: unknown } | null | undefined)?.stack
  return typeof stack === 'string' ? textOf(stack) : ''
}

export function failureEvent(code: string, thrown: unknown): WorkerEvent {
  return alarm(code, { message: textOf(describeThrown(thrown)), stack: stackOf(thrown) })
}

export function executeFailedEvent(failure: ExecuteFailure): WorkerEvent {
  const { machine, instance, index, message } = failure
  return alarm(failure.code, { machine, instance, index, message: textOf(message), stack: stackOf(failure) })
}
