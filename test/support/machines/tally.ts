import { defineStateMachine } from '../../../src/index.js'

/** Sums by name, in memory. A query `exit!` ends the thread. */
export default defineStateMachine({
  id: 1,
  create: () => ({ sums: {} as Record<string, number>, commands: 0 }),
  execute(state, { name, add }: { name: string; add: number }) {
    state.commands++
    state.sums[name] = (state.sums[name] ?? 0) + add
    return state.sums[name]
  },
  query(state, name: string | undefined) {
    if (name === 'exit!') process.exit(3)
    return name === undefined ? state.commands : (state.sums[name] ?? 0)
  },
  snapshot: (state) => state,
  restore: (saved) => saved as { sums: Record<string, number>; commands: number },
})
