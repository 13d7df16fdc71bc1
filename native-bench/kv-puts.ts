/** What the two key-value machines of the benchmark share: the same work on the same commands, over two kinds of state. */
const KEYS = 10_000
const VERSION_BYTES = 4

const reply = new Uint8Array(VERSION_BYTES)

/** Of a command: its caller and count, spread over the keys. */
export function keyOf(command: Uint8Array): string {
  const word = (at: number) =>
    (command[at]! | (command[at + 1]! << 8) | (command[at + 2]! << 16) | (command[at + 3]! << 24)) >>> 0
  return `user:${((Math.imul(word(0), 7919) + Math.imul(word(4), 104_729)) >>> 0) % KEYS}`
}

/** The key's new value: one version more, and the command's bytes. */
export function valueAfter(before: Uint8Array | undefined, command: Uint8Array): Uint8Array {
  const value = new Uint8Array(VERSION_BYTES + command.length)
  writeVersion(value, versionOf(before) + 1)
  value.set(command, VERSION_BYTES)
  return value
}

export function versionReply(value: Uint8Array): Uint8Array {
  reply.set(value.subarray(0, VERSION_BYTES))
  return reply
}

/** Commands executed, and a sum over all entries that tells two states apart: what the nodes are compared by. */
export function summary(entries: Iterable<readonly [string, Uint8Array]>): Uint8Array {
  let executed = 0
  let sum = 0
  for (const [key, value] of entries) {
    executed += versionOf(value)
    let entry = key.length
    for (let i = 0; i < value.length; i++) entry = (Math.imul(entry, 31) + value[i]!) | 0
    // Order does not count: the two kinds of state have different ones.
    sum = (sum + entry) | 0
  }
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, executed, true)
  view.setInt32(4, sum, true)
  return bytes
}

function versionOf(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : (value[0]! | (value[1]! << 8) | (value[2]! << 16) | (value[3]! << 24)) >>> 0
}

function writeVersion(value: Uint8Array, version: number): void {
  value[0] = version
  value[1] = version >>> 8
  value[2] = version >>> 16
  value[3] = version >>> 24
}
