import { defineStateMachine } from '../../../src/index.js'

export type Unruly = 'loop' | 'hog' | 'exit' | 'throw'

/** Of this thread: the next command throws, once and on this node alone, which no machine should do. */
let throwing = false

/** Counts like the counter; its queries do to the thread what user code should not. */
export default defineStateMachine({
  id: 1,
  create: () => ({ total: 0 }),
  execute(state, command: { add: number }) {
    if (throwing) {
      throwing = false
      throw new Error('as it was told')
    }
    state.total += command.add
    return state.total
  },
  query(state, query: Unruly | undefined) {
    if (query === 'loop') for (;;);
    if (query === 'exit') process.exit(3)
    if (query === 'throw') throwing = true
    if (query === 'hog') {
      const hoard: unknown[] = []
      for (;;) hoard.push(new Array(1_000).fill(hoard.length))
    }
    return state.total
  },
})
