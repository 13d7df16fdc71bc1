import { defineStateMachine } from '../../../src/state-machine/contract.js'
import { Reject } from '../../../src/state-machine/reject.js'

export interface Add {
  readonly add: number
}

/** Adds up; refuses to add nothing. */
export const counterMachine = defineStateMachine({
  id: 1,
  create: () => ({ total: 0 }),
  execute(state, command: Add) {
    if (command.add === 0) throw new Reject('nothing to add')
    state.total += command.add
    return state.total
  },
  query: (state) => state.total,
})

export default counterMachine
