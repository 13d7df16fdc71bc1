import { defineStateMachine } from '../../../src/index.js'

/** Texts by key, in the state environment. */
export default defineStateMachine({
  kind: 'stored',
  id: 3,
  execute(state, { key, text }: { key: string; text: string }) {
    state.put(key, text)
    return text.length
  },
  query: (state, key: string) => state.get(key) ?? null,
})
