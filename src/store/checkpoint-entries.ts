import { fail } from '../codec/codec-error.js'
import { getU16, getU32, putU16, putU32 } from '../codec/little-endian.js'

/**
 * Entries in a section, one behind the other, across the borders of blocks. Little endian:
 *
 * ```
 * 0  u16  bytes of the key
 * 2  u32  bytes of the value
 * 6  key, value
 * ```
 */
export const ENTRY_HEADER_BYTES = 6

export const MAX_KEY_BYTES = 65_535
const MAX_VALUE_BYTES = 64 * 1024 * 1024

export interface CheckpointEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Throws CodecError TOO_LARGE. */
export function putEntryHeader(target: Uint8Array, keyBytes: number, valueBytes: number): void {
  if (keyBytes > MAX_KEY_BYTES) fail('TOO_LARGE', `a key of ${keyBytes} bytes, at most ${MAX_KEY_BYTES}`)
  if (valueBytes > MAX_VALUE_BYTES) fail('TOO_LARGE', `a value of ${valueBytes} bytes, at most ${MAX_VALUE_BYTES}`)
  putU16(target, 0, keyBytes)
  putU32(target, 2, valueBytes)
}

/** Bytewise, as the entries of a section ascend. `a` is as long as `aBytes` says. */
export function compareKeys(a: Uint8Array, aBytes: number, b: Uint8Array): number {
  const shared = Math.min(aBytes, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference
  }
  return aBytes - b.length
}

/**
 * Entries out of the blocks of a section of `bytes` bytes. What it hands out is the caller's, but may lie in the block,
 * and keep it. Throws CodecError for what no writer makes, before it allocates anything for it.
 */
export function* entriesOf(blocks: Iterator<Uint8Array>, bytes: number): Generator<CheckpointEntry, void, undefined> {
  const content = new ContentCursor(blocks, bytes)
  let last: Uint8Array | undefined
  while (content.left > 0) {
    const header = content.take(ENTRY_HEADER_BYTES)
    const keyBytes = getU16(header, 0)
    const valueBytes = getU32(header, 2)
    if (valueBytes > MAX_VALUE_BYTES) fail('TOO_LARGE', `a value of ${valueBytes} bytes`)
    const key = content.take(keyBytes)
    if (last !== undefined && compareKeys(last, last.length, key) >= 0) fail('MALFORMED', 'its entries do not ascend')
    last = key
    yield { key, value: content.take(valueBytes) }
  }
}

const NOTHING = new Uint8Array(0)

/** Bytes one after another out of blocks. */
class ContentCursor {
  readonly #blocks: Iterator<Uint8Array>
  #block: Uint8Array = NOTHING
  #at = 0
  /** What is still to be taken. */
  left: number

  constructor(blocks: Iterator<Uint8Array>, bytes: number) {
    this.#blocks = blocks
    this.left = bytes
  }

  take(count: number): Uint8Array {
    if (count > this.left) fail('TRUNCATED', `an entry goes on for ${count} bytes where ${this.left} are left`)
    this.left -= count
    if (this.#block.length - this.#at < count) return this.#gather(count)
    const taken = this.#block.subarray(this.#at, this.#at + count)
    this.#at += count
    return taken
  }

  #gather(count: number): Uint8Array {
    const whole = new Uint8Array(count)
    for (let done = 0; done < count; ) {
      if (this.#at === this.#block.length) this.#next()
      const part = this.#block.subarray(this.#at, this.#at + count - done)
      whole.set(part, done)
      this.#at += part.length
      done += part.length
    }
    return whole
  }

  #next(): void {
    const { value, done } = this.#blocks.next()
    if (done === true) fail('TRUNCATED', 'its blocks end before its entries')
    this.#block = value
    this.#at = 0
  }
}
