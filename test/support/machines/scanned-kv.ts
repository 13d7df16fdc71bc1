import { crc32 } from 'node:zlib'
import kv from '../../../examples/kv/kv-machine.js'
import { defineStateMachine, type StateReadView } from '../../../src/index.js'

const VERSION_BYTES = 8

/** The stored key-value machine of the example; the empty query is answered with all entries: `[key, version, crc32]`, as JSON. */
export default defineStateMachine({
  ...kv,
  query: (state, query: Uint8Array) => (query.length === 0 ? scan(state) : kv.query?.(state, query)),
})

function scan(state: StateReadView<string, Uint8Array>): Uint8Array {
  const entries: [string, number, number][] = []
  for (const [key, bytes] of state.range()) {
    // The machine keeps a number of its own under the empty key.
    if (key === '') continue
    const version = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(0, true)
    entries.push([key, version, crc32(bytes.subarray(VERSION_BYTES))])
  }
  return new TextEncoder().encode(JSON.stringify(entries))
}
