import { defineStateMachine } from '../../../src/index.js'

/** A list of bytes, under another id than the counter. */
export default defineStateMachine({
  id: 2,
  codec: 'bytes',
  create: () => ({ bytes: 0 }),
  execute(state, command: Uint8Array, { instance, index }) {
    state.bytes += command.length
    return new Uint8Array([instance & 0xff, index & 0xff])
  },
  query: (state) => new Uint8Array([state.bytes & 0xff]),
})
