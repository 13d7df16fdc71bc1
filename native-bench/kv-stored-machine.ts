import { defineStateMachine } from '../src/index.js'
import { keyOf, summary, valueAfter, versionReply } from './kv-puts.js'

/** The same puts, into the state environment. */
export default defineStateMachine({
  kind: 'stored',
  id: 1,
  codec: 'bytes',
  values: 'bytes',
  execute(state, command: Uint8Array) {
    const key = keyOf(command)
    const value = valueAfter(state.get(key), command)
    state.put(key, value)
    return versionReply(value)
  },
  query: (state) => summary(state.range()),
})
