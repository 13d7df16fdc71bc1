import { defineStateMachine } from '../../../src/index.js'

/** Its snapshot never ends. */
export default defineStateMachine({
  id: 9,
  create: () => ({ commands: 0 }),
  execute: (state) => ++state.commands,
  query: (state) => state.commands,
  snapshot(): unknown {
    for (;;);
  },
  restore: (saved) => saved as { commands: number },
})
