import { defineStateMachine, Reject } from '../../src/index.js'
import { decodeCommand, decodeKey, encodeReply, Operation, Status } from './kv-codec.js'

interface Entry {
  readonly version: number
  readonly value: Uint8Array
}

interface State {
  readonly entries: Map<string, Entry>
  /**
   * The highest version that any removed key had. A key that comes back starts above it: no version of a key ever
   * returns with another value, and no tombstones are kept.
   */
  highestRemoved: number
}

interface Saved {
  readonly entries: readonly (readonly [string, number, Uint8Array])[]
  readonly highestRemoved: number
}

/** A map of keys to values with versions: each write of a key makes its version one higher. Runs in the group's thread. */
export default defineStateMachine<State, Uint8Array, Uint8Array, Uint8Array, Uint8Array>({
  id: 1,
  codec: 'bytes',
  create: () => ({ entries: new Map(), highestRemoved: 0 }),

  execute(state, bytes) {
    const command = decodeCommand(bytes)
    if (command === undefined) throw new Reject('not a command of this machine')
    const { operation, key, ifVersion, value } = command
    const entry = state.entries.get(key)
    switch (operation) {
      case Operation.put:
        return put(state, key, entry, value)
      case Operation.compareAndSet: {
        const version = entry?.version ?? 0
        return version === ifVersion ? put(state, key, entry, value) : encodeReply(Status.conflict, version)
      }
      case Operation.remove:
        return remove(state, key, entry)
      default:
        throw new Reject(`no operation ${operation}`)
    }
  },

  query(state, key) {
    const entry = state.entries.get(decodeKey(key))
    return entry === undefined ? encodeReply(Status.absent, 0) : encodeReply(Status.done, entry.version, entry.value)
  },

  snapshot: (state): Saved => ({
    entries: [...state.entries].map(([key, { version, value }]) => [key, version, value] as const),
    highestRemoved: state.highestRemoved,
  }),

  restore(saved) {
    const { entries, highestRemoved } = saved as Saved
    return { entries: new Map(entries.map(([key, version, value]) => [key, { version, value }])), highestRemoved }
  },
})

function put(state: State, key: string, entry: Entry | undefined, value: Uint8Array): Uint8Array {
  const version = (entry?.version ?? state.highestRemoved) + 1
  // A copy: the bytes are a view of the log value, which is gone after the call.
  state.entries.set(key, { version, value: value.slice() })
  return encodeReply(Status.done, version)
}

function remove(state: State, key: string, entry: Entry | undefined): Uint8Array {
  if (entry === undefined) return encodeReply(Status.absent, 0)
  state.entries.delete(key)
  state.highestRemoved = Math.max(state.highestRemoved, entry.version)
  return encodeReply(Status.done, entry.version)
}
