import type { Instance } from '../base/numbers.js'

/**
 * A state machine threw something else than `Reject`: its state may be half changed and is not to be used again.
 * Instance 0: not in `execute`, but in what made, loaded or saved its state.
 */
export class ExecuteFailure extends Error {
  readonly code = 'EXECUTE_FAILED'
  readonly machine: number
  readonly instance: Instance
  readonly index: number

  constructor(machine: number, instance: Instance, index: number, thrown: unknown, where?: string) {
    const place = where ?? `at instance ${instance}, command ${index}`
    super(`state machine ${machine} threw ${place}: ${describeThrown(thrown)}`)
    this.name = 'ExecuteFailure'
    this.machine = machine
    this.instance = instance
    this.index = index
    const stack = (thrown as { stack?: unknown } | null | undefined)?.stack
    if (typeof stack === 'string') this.stack = stack
  }
}

/** Never throws, whatever user code threw. */
export function describeThrown(thrown: unknown): string {
  try {
    const message = (thrown as { message?: unknown } | null | undefined)?.message
    return typeof message === 'string' ? message : String(thrown)
  } catch {
    return 'something that cannot be described'
  }
}
