import { defineStateMachine } from '../src/index.js'

/** A command: u32 key, u32 bytes of its value. Small keys for a steady load, as many large ones as a state is to have. */
export const BULK_COMMAND_BYTES = 8

const value = new Uint8Array(64 * 1024)
const done = new Uint8Array(1)
/** As long as what the other machines of the benchmarks answer. */
const counted = new Uint8Array(8)

/** A stored state of any size from commands of a few bytes: values are made from their key. */
export default defineStateMachine({
  kind: 'stored',
  id: 1,
  codec: 'bytes',
  values: 'bytes',
  execute(state, command: Uint8Array) {
    const view = new DataView(command.buffer, command.byteOffset, command.length)
    const key = view.getUint32(0, true)
    const bytes = Math.min(view.getUint32(4, true), value.length)
    for (let i = 0; i < bytes; i += 4) value[i] = key + i
    state.put(`key:${key.toString(36).padStart(7, '0')}`, value.subarray(0, bytes))
    return done
  },
  query(state) {
    let entries = 0
    for (const _ of state.range({ limit: 1000 })) entries++
    new DataView(counted.buffer).setUint32(0, entries, true)
    return counted
  },
})
