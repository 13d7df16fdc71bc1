import { type BinaryKey, binaryOf, bytesOf, MAX_KEY_BYTES, utf8Of } from './binary-key.js'
import { orderedKeys } from './ordered-keys.js'
import type { KeyKind, KeyTypes } from './stored.js'
import { isBytes } from './value-codec.js'

/** Between the keys of a machine and their bytes; keys that are in order have bytes that are in order. */
export interface KeyCodec<Key> {
  /** Throws a TypeError for what is no key of this kind, whatever a machine handed in. */
  encode(key: Key): BinaryKey
  /** The key that `encode` was given, as the caller's own. */
  decode(key: BinaryKey): Key
}

const textKeys: KeyCodec<string> = {
  encode(key) {
    if (typeof key !== 'string') throw new TypeError(`a text key is a string, got ${typeof key}`)
    if (key.length > MAX_KEY_BYTES) throw tooLong(key.length)
    // Plain ASCII, as most keys are, is its own encoding.
    return isAscii(key) ? key : encodeText(key)
  },
  decode: (key) => (isAscii(key) ? key : Buffer.from(key, 'latin1').toString()),
}

const bytesKeys: KeyCodec<Uint8Array> = {
  encode(key) {
    if (!isBytes(key)) throw new TypeError(`a key of bytes is a Uint8Array, got ${typeof key}`)
    if (key.length > MAX_KEY_BYTES) throw tooLong(key.length)
    return binaryOf(key)
  },
  decode: bytesOf,
}

const codecs: { readonly [Kind in KeyKind]: KeyCodec<KeyTypes[Kind]> } = {
  text: textKeys,
  bytes: bytesKeys,
  ordered: orderedKeys,
}

export const keyCodec = (kind: KeyKind): KeyCodec<unknown> => codecs[kind] as KeyCodec<unknown>

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

function encodeText(key: string): BinaryKey {
  const bytes = utf8Of(key)
  if (bytes.length > MAX_KEY_BYTES) throw tooLong(bytes.length)
  return binaryOf(bytes)
}

function tooLong(length: number): TypeError {
  return new TypeError(`a key of ${length} bytes; it has at most ${MAX_KEY_BYTES}`)
}
