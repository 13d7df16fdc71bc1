/**
 * A key as a string with one character for each of its bytes, `\0` to `\xff`. So it can stand in a Map, and strings
 * compare as the bytes do.
 */
export type BinaryKey = string

/** Longer keys would leave a block of the state's tree with too few of them. */
export const MAX_KEY_BYTES = 1024

const utf8 = new TextEncoder()
const LONE_SURROGATE = /[\ud800-\udfff]/u

/** UTF-8, of well-formed text only: halves of pairs all become one replacement character, and different keys the same. */
export function utf8Of(text: string): Uint8Array {
  if (LONE_SURROGATE.test(text)) throw new TypeError('the text of a key must not hold half a surrogate pair')
  return utf8.encode(text)
}

const scratch = Buffer.allocUnsafeSlow(MAX_KEY_BYTES)

/** At most `MAX_KEY_BYTES`. */
export function binaryOf(bytes: Uint8Array): BinaryKey {
  scratch.set(bytes)
  return scratch.toString('latin1', 0, bytes.length)
}

export function bytesOf(key: BinaryKey): Uint8Array {
  const bytes = new Uint8Array(key.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = key.charCodeAt(i)
  return bytes
}
