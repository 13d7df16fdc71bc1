import { defineStateMachine, type StateReadView, type StateView } from '../../src/index.js'
import { answerQuery, type Entries, type Entry, executeCommand } from './kv-commands.js'

/** An entry as bytes: float64 version, then the value. */
const VERSION_BYTES = 8
/** No key of a user: those have at least one byte. */
const HIGHEST_REMOVED = ''

class StoredReads implements Pick<Entries, 'get'> {
  readonly #state: StateReadView<string, Uint8Array>

  constructor(state: StateReadView<string, Uint8Array>) {
    this.#state = state
  }

  get(key: string): Entry | undefined {
    const bytes = this.#state.get(key)
    return bytes && { version: viewOf(bytes).getFloat64(0, true), value: bytes.subarray(VERSION_BYTES) }
  }
}

class StoredEntries extends StoredReads implements Entries {
  readonly #state: StateView<string, Uint8Array>

  constructor(state: StateView<string, Uint8Array>) {
    super(state)
    this.#state = state
  }

  put(key: string, version: number, value: Uint8Array): void {
    const bytes = Buffer.allocUnsafe(VERSION_BYTES + value.length)
    bytes.writeDoubleLE(version)
    bytes.set(value, VERSION_BYTES)
    this.#state.put(key, bytes)
  }

  remove(key: string): void {
    this.#state.remove(key)
  }

  get highestRemoved(): number {
    return this.get(HIGHEST_REMOVED)?.version ?? 0
  }

  set highestRemoved(version: number) {
    this.put(HIGHEST_REMOVED, version, new Uint8Array(0))
  }
}

/** The entries on disk: as many as fit there, and a restart does not read them. Runs in the group's thread. */
export default defineStateMachine({
  kind: 'stored',
  id: 1,
  codec: 'bytes',
  keys: 'text',
  values: 'bytes',
  execute: (state, command: Uint8Array) => executeCommand(new StoredEntries(state), command),
  query: (state, key: Uint8Array) => answerQuery(new StoredReads(state), key),
})

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
