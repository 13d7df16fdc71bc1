import { Reject } from '../../src/index.js'
import { decodeCommand, decodeKey, encodeReply, Operation, Status } from './kv-codec.js'

export interface Entry {
  readonly version: number
  readonly value: Uint8Array
}

/** What the commands need of a state, wherever it is kept. */
export interface Entries {
  get(key: string): Entry | undefined
  /** Keeps a copy of the value: its bytes are a view of the log, which is gone after the call. */
  put(key: string, version: number, value: Uint8Array): void
  remove(key: string): void
  /**
   * The highest version that any removed key had. A key that comes back starts above it: no version of a key ever
   * returns with another value, and no tombstones are kept.
   */
  highestRemoved: number
}

/** A map of keys to values with versions: each write of a key makes its version one higher. */
export function executeCommand(entries: Entries, bytes: Uint8Array): Uint8Array {
  const command = decodeCommand(bytes)
  if (command === undefined) throw new Reject('not a command of this machine')
  const { operation, key, ifVersion, value } = command
  const entry = entries.get(key)
  switch (operation) {
    case Operation.put:
      return put(entries, key, entry, value)
    case Operation.compareAndSet: {
      const version = entry?.version ?? 0
      return version === ifVersion ? put(entries, key, entry, value) : encodeReply(Status.conflict, version)
    }
    case Operation.remove:
      return remove(entries, key, entry)
    default:
      throw new Reject(`no operation ${operation}`)
  }
}

export function answerQuery(entries: Pick<Entries, 'get'>, bytes: Uint8Array): Uint8Array {
  const key = decodeKey(bytes)
  if (key === undefined) throw new Reject('not a key of this machine')
  const entry = entries.get(key)
  return entry === undefined ? encodeReply(Status.absent, 0) : encodeReply(Status.done, entry.version, entry.value)
}

function put(entries: Entries, key: string, entry: Entry | undefined, value: Uint8Array): Uint8Array {
  const version = (entry?.version ?? entries.highestRemoved) + 1
  entries.put(key, version, value)
  return encodeReply(Status.done, version)
}

function remove(entries: Entries, key: string, entry: Entry | undefined): Uint8Array {
  if (entry === undefined) return encodeReply(Status.absent, 0)
  entries.remove(key)
  entries.highestRemoved = Math.max(entries.highestRemoved, entry.version)
  return encodeReply(Status.done, entry.version)
}
