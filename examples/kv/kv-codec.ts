/**
 * The bytes between the HTTP side and the state machine. One layout for commands, one for everything that comes back:
 *
 *   command   byte 0  u8   operation          result, answer   byte 0  u8   status
 *             byte 1  u8   0                                   byte 1  7 B  0
 *             byte 2  u16  bytes of the key                    byte 8  f64  version
 *             byte 4  f64  expected version                    byte 16      value (answers only)
 *             byte 12      key, then value
 *
 * Little endian. Versions are whole numbers below 2^53, which a float64 holds exactly. A query is the key alone.
 */
export const Operation = { put: 1, remove: 2, compareAndSet: 3 } as const
export type Operation = (typeof Operation)[keyof typeof Operation]

export const Status = { done: 0, conflict: 1, absent: 2 } as const
export type Status = (typeof Status)[keyof typeof Status]

export interface Command {
  readonly operation: number
  readonly key: string
  /** Compare and set: the version the key must have; 0: it must be absent. */
  readonly ifVersion: number
  readonly value: Uint8Array
}

export interface Reply {
  readonly status: number
  /** Of the key after the command; with `conflict` the one it has; 0 where there is none. */
  readonly version: number
  readonly value: Uint8Array
}

export const MAX_KEY_BYTES = 1024
export const MAX_VALUE_BYTES = 32 * 1024 * 1024

const COMMAND_HEADER_BYTES = 12
const REPLY_HEADER_BYTES = 16
const EMPTY = new Uint8Array(0)
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export const encodeKey = (key: string): Uint8Array => Buffer.from(key)

/** Undefined if it is no key: 1 to `MAX_KEY_BYTES` bytes of UTF-8. */
export function decodeKey(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0 || bytes.length > MAX_KEY_BYTES) return undefined
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

export function encodeCommand(operation: Operation, key: string, value: Uint8Array = EMPTY, ifVersion = 0): Uint8Array {
  const keyBytes = Buffer.byteLength(key)
  const bytes = Buffer.allocUnsafe(COMMAND_HEADER_BYTES + keyBytes + value.length)
  bytes[0] = operation
  bytes[1] = 0
  bytes.writeUInt16LE(keyBytes, 2)
  bytes.writeDoubleLE(ifVersion, 4)
  bytes.write(key, COMMAND_HEADER_BYTES)
  bytes.set(value, COMMAND_HEADER_BYTES + keyBytes)
  return bytes
}

/** Undefined if the bytes are no command: they come from the log, and may have been proposed by anything. */
export function decodeCommand(bytes: Uint8Array): Command | undefined {
  if (bytes.length < COMMAND_HEADER_BYTES) return undefined
  const view = viewOf(bytes)
  const valueAt = COMMAND_HEADER_BYTES + view.getUint16(2, true)
  if (valueAt > bytes.length || bytes.length - valueAt > MAX_VALUE_BYTES) return undefined
  const key = decodeKey(bytes.subarray(COMMAND_HEADER_BYTES, valueAt))
  if (key === undefined) return undefined
  return {
    operation: view.getUint8(0),
    key,
    ifVersion: view.getFloat64(4, true),
    value: bytes.subarray(valueAt),
  }
}

export function encodeReply(status: Status, version: number, value: Uint8Array = EMPTY): Uint8Array {
  const bytes = Buffer.allocUnsafe(REPLY_HEADER_BYTES + value.length)
  // Results are compared between nodes: every byte of them is written.
  bytes.fill(0, 0, 8)
  bytes[0] = status
  bytes.writeDoubleLE(version, 8)
  bytes.set(value, REPLY_HEADER_BYTES)
  return bytes
}

export function decodeReply(bytes: Uint8Array): Reply {
  const view = viewOf(bytes)
  return { status: view.getUint8(0), version: view.getFloat64(8, true), value: bytes.subarray(REPLY_HEADER_BYTES) }
}
