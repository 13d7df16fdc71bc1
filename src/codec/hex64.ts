import { fail } from './codec-error.js'

/**
 * The random 64-bit identities (incarnations, voter ids): 16 hex digits in memory, 8 bytes on the wire. Few of them
 * are alive at a time and each is converted for every run, so both directions remember what they saw.
 */
export const HEX64_BYTES = 8

interface Known {
  readonly text: string
  readonly high: number
  readonly low: number
}

const SLOTS = 64
const FORM = /^[0-9a-f]{16}$/
const read: (Known | undefined)[] = new Array<Known | undefined>(SLOTS).fill(undefined)
const written = new Map<string, Known>()

export function readHex64(bytes: Uint8Array, offset: number): string {
  const high = readWord(bytes, offset)
  const low = readWord(bytes, offset + 4)
  const slot = low & (SLOTS - 1)
  const known = read[slot]
  if (known !== undefined && known.high === high && known.low === low) return known.text
  const text = high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
  read[slot] = { text, high, low }
  return text
}

export function writeHex64(bytes: Uint8Array, offset: number, text: string): void {
  const known = written.get(text) ?? remember(text)
  writeWord(bytes, offset, known.high)
  writeWord(bytes, offset + 4, known.low)
}

function remember(text: string): Known {
  if (!FORM.test(text)) fail('NOT_ENCODABLE', `an identity is 16 lower-case hex digits, got ${JSON.stringify(text)}`)
  if (written.size >= SLOTS) written.clear()
  const known = { text, high: Number.parseInt(text.slice(0, 8), 16), low: Number.parseInt(text.slice(8), 16) }
  written.set(text, known)
  return known
}

// Most significant byte first, so that a dump of the bytes shows the digits.
function readWord(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0
}

function writeWord(bytes: Uint8Array, offset: number, word: number): void {
  bytes[offset] = word >>> 24
  bytes[offset + 1] = word >>> 16
  bytes[offset + 2] = word >>> 8
  bytes[offset + 3] = word
}
