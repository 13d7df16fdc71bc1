import { defineStateMachine, Reject } from '../../../src/index.js'

export interface CounterCommand {
  readonly add?: number
  /** Refused with this reason. */
  readonly reject?: string
  /** Comes back as the result, or its length if it is bytes. */
  readonly echo?: unknown
  /** Milliseconds of user code that does nothing but take time. */
  readonly spin?: number
}

export default defineStateMachine({
  id: 1,
  create: () => ({ total: 0, commands: 0 }),
  execute(state, command: CounterCommand | Uint8Array) {
    state.commands++
    if (command instanceof Uint8Array) return command.length
    if (command.reject !== undefined) throw new Reject(command.reject)
    if (command.spin !== undefined) {
      const until = performance.now() + command.spin
      while (performance.now() < until);
    }
    if (command.echo !== undefined) return command.echo
    state.total += command.add ?? 0
    return state.total
  },
  query(state, query: 'commands' | undefined) {
    return query === 'commands' ? state.commands : state.total
  },
})
