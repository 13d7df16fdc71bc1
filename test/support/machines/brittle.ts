import { defineStateMachine } from '../../../src/index.js'

/** Its snapshot throws. */
export default defineStateMachine({
  id: 9,
  create: () => ({ commands: 0 }),
  execute: (state) => ++state.commands,
  query: (state) => state.commands,
  snapshot(): unknown {
    throw new Error('brittle by design')
  },
  restore: (saved) => saved as { commands: number },
})
