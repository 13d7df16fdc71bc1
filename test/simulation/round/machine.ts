import type { GroupIndex } from '../../../src/base/numbers.js'
import { defineStateMachine } from '../../../src/state-machine/contract.js'
import type { MemoryMachine } from '../../../src/state-machine/memory.js'
import { Reject } from '../../../src/state-machine/reject.js'

export interface SimCommand {
  readonly group: GroupIndex
  readonly id: string
  /** The machine refuses it, alike everywhere. */
  readonly reject: boolean
  readonly padding: string
}

export interface SimResult {
  /** How many commands the state has executed, this one included. */
  readonly count: number
  readonly id: string
}

/** What a machine tells of itself; it may throw, as a faulty machine does. */
export interface MachineWatch {
  created(): void
  executes(command: SimCommand, position: number): void
}

interface State {
  count: number
}

/** Counts commands; whoever watches knows which they were. One object a life of a worker. */
export function simMachine(watch: MachineWatch): MemoryMachine<State, SimCommand, SimResult, null, number> {
  return defineStateMachine({
    id: 1,
    create(): State {
      watch.created()
      return { count: 0 }
    },
    execute(state: State, command: SimCommand): SimResult {
      watch.executes(command, state.count)
      state.count++
      if (command.reject) throw new Reject(command.id)
      return { count: state.count, id: command.id }
    },
    query: (state: State) => state.count,
  })
}
