import { defineStateMachine, Reject } from '../../../src/state-machine/index.js'

export interface TallyCommand {
  readonly name: string
  readonly add: number
}

/** How often `execute` was called, all nodes together: what is replayed is executed once more. */
export const tallied = { commands: 0 }

/** Sums by name, in the state environment. An `add` of 0 is refused after it has changed something; 13 is a defect. */
export const storedTally = defineStateMachine({
  kind: 'stored',
  id: 1,
  execute(state, { name, add }: TallyCommand) {
    tallied.commands++
    const sum = ((state.get(name) as number | undefined) ?? 0) + add
    state.put(name, sum)
    if (add === 0) throw new Reject('nothing to add')
    if (add === 13) throw new Error('thirteen')
    return sum
  },
  query: (state, name: string) => state.get(name) ?? 0,
})
