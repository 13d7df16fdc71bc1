import { defineStateMachine } from '../src/index.js'
import { keyOf, summary, valueAfter, versionReply } from './kv-puts.js'

/** Puts into a map: what the stored machine is held against. */
export default defineStateMachine<Map<string, Uint8Array>, Uint8Array, Uint8Array, Uint8Array, Uint8Array>({
  id: 1,
  codec: 'bytes',
  create: () => new Map(),
  execute(state, command) {
    const key = keyOf(command)
    const value = valueAfter(state.get(key), command)
    state.set(key, value)
    return versionReply(value)
  },
  query: (state) => summary(state),
  snapshot: (state) => [...state],
  restore: (saved) => new Map(saved as [string, Uint8Array][]),
})
