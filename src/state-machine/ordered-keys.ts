import { type BinaryKey, MAX_KEY_BYTES, utf8Of } from './binary-key.js'
import type { OrderedKey } from './stored.js'
import { isBytes } from './value-codec.js'

/**
 * Bytes whose order is that of the keys. Each item begins with its type:
 *
 *   02  false          04  a number: the eight bytes of its float64, big endian; of a negative one all bits are turned
 *   03  true               over, of another one only the sign
 *   05  a string       06  bytes: as they are, UTF-8 for a string, with FF behind each zero byte; then a zero byte
 *   07  an array: its items; then a zero byte
 *
 * No item begins with 00 or FF: an end is therefore lower than whatever may stand in its place, and never taken for a
 * zero byte with its FF. Packages for this exist; the one that was looked at gave the same bytes to different arrays.
 */
const FALSE = 2
const TRUE = 3
const NUMBER = 4
const STRING = 5
const BYTES = 6
const ARRAY = 7
const END = 0
const ESCAPE = 0xff

const NUMBER_BYTES = 8
const out = Buffer.allocUnsafeSlow(MAX_KEY_BYTES)
const outView = new DataView(out.buffer, out.byteOffset, out.byteLength)
let written = 0

const word = new DataView(new ArrayBuffer(NUMBER_BYTES))

export const orderedKeys = {
  encode(key: OrderedKey): BinaryKey {
    written = 0
    writeItem(key)
    return out.toString('latin1', 0, written)
  },

  decode(key: BinaryKey): OrderedKey {
    const reader = new Reader(key)
    const item = reader.item()
    if (!reader.isAtEnd) throw notOrdered('bytes follow its end')
    return item
  },
}

function writeItem(key: OrderedKey): void {
  if (typeof key === 'string') {
    writeString(key)
  } else if (typeof key === 'number') {
    writeNumber(key)
  } else if (typeof key === 'boolean') {
    writeByte(key ? TRUE : FALSE)
  } else if (Array.isArray(key)) {
    writeByte(ARRAY)
    for (const item of key) writeItem(item)
    writeByte(END)
  } else if (isBytes(key)) {
    writeEscaped(BYTES, key)
  } else {
    throw new TypeError(
      `an ordered key is a string, number, boolean, Uint8Array or an array of those, got ${key === null ? 'null' : typeof key}`,
    )
  }
}

function writeNumber(key: number): void {
  if (Number.isNaN(key)) throw new TypeError('a key must not be NaN: it has no place in any order')
  writeByte(NUMBER)
  need(NUMBER_BYTES)
  // Turns -0 into 0: to every other part of the language they are one key.
  outView.setFloat64(written, key + 0)
  const high = outView.getUint32(written)
  const negative = high >>> 31 === 1
  outView.setUint32(written, negative ? ~high : high ^ 0x80000000)
  if (negative) outView.setUint32(written + 4, ~outView.getUint32(written + 4))
  written += NUMBER_BYTES
}

function writeString(key: string): void {
  const start = written
  writeByte(STRING)
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i)
    if (code === 0 || code > 0x7f) {
      written = start
      writeEscaped(STRING, utf8Of(key))
      return
    }
    writeByte(code)
  }
  writeByte(END)
}

function writeEscaped(type: number, bytes: Uint8Array): void {
  writeByte(type)
  for (const byte of bytes) {
    writeByte(byte)
    if (byte === END) writeByte(ESCAPE)
  }
  writeByte(END)
}

function writeByte(byte: number): void {
  need(1)
  out[written++] = byte
}

function need(bytes: number): void {
  if (written + bytes > MAX_KEY_BYTES) throw new TypeError(`a key of more than ${MAX_KEY_BYTES} bytes as encoded`)
}

class Reader {
  readonly #key: BinaryKey
  #at = 0

  constructor(key: BinaryKey) {
    this.#key = key
  }

  item(): OrderedKey {
    const type = this.#key.charCodeAt(this.#at++)
    switch (type) {
      case FALSE:
        return false
      case TRUE:
        return true
      case NUMBER:
        return this.#number()
      case STRING:
        return Buffer.from(this.#escaped(), 'latin1').toString()
      case BYTES:
        return Uint8Array.from(Buffer.from(this.#escaped(), 'latin1'))
      case ARRAY:
        return this.#items()
      default:
        throw notOrdered(`no item begins with ${type}`)
    }
  }

  get isAtEnd(): boolean {
    return this.#at === this.#key.length
  }

  #number(): number {
    if (this.#at + NUMBER_BYTES > this.#key.length) throw notOrdered('a number is cut')
    for (let i = 0; i < NUMBER_BYTES; i++) word.setUint8(i, this.#key.charCodeAt(this.#at++))
    const high = word.getUint32(0)
    const negative = high >>> 31 === 0
    word.setUint32(0, negative ? ~high : high ^ 0x80000000)
    if (negative) word.setUint32(4, ~word.getUint32(4))
    return word.getFloat64(0)
  }

  #escaped(): BinaryKey {
    const from = this.#at
    let end = from
    for (;;) {
      end = this.#key.indexOf('\0', end)
      if (end < 0) throw notOrdered('an end is missing')
      if (this.#key.charCodeAt(end + 1) !== ESCAPE) break
      end += 2
    }
    const plain = this.#key.slice(from, end)
    this.#at = end + 1
    return plain.includes('\0') ? plain.replaceAll('\0\xff', '\0') : plain
  }

  #items(): OrderedKey[] {
    const items: OrderedKey[] = []
    while (this.#key.charCodeAt(this.#at) !== END) items.push(this.item())
    this.#at++
    return items
  }
}

/** The state's blocks are checked: what it holds is what a machine has put there. */
function notOrdered(why: string): TypeError {
  return new TypeError(`the state has a key that is no ordered key, ${why}: were the keys of this machine changed?`)
}
