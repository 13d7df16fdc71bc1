import { decodePayload, PAYLOAD_RAW } from '../codec/payload.js'

const SHORT = 100
const PRINTABLE = /^[^\p{Cc}\p{Cs}\p{Co}\p{Cn}\ufffd]*$/u

/** A payload as JSON can say it: bytes as text if they are printable text, else as hex. */
export function payloadValue(flags: number, body: Uint8Array, offset: number, length: number): unknown {
  try {
    return plain(decodePayload(flags, body, offset, length))
  } catch (error) {
    return { undecodable: (error as Error).message, hex: hexOf(body.subarray(offset, offset + length)) }
  }
}

/** The same on one line, and short unless `whole`. */
export function payloadText(flags: number, body: Uint8Array, offset: number, length: number, whole: boolean): string {
  const isText = flags === PAYLOAD_RAW
  // No more is decoded than is shown: a command may have megabytes.
  const shown = isText && !whole ? Math.min(length, 4 * SHORT) : length
  const value = payloadValue(flags, body, offset, shown)
  const text = isText && typeof value === 'string' ? value : JSON.stringify(value)
  return whole || text.length <= SHORT ? text : `${text.slice(0, SHORT)}… (${length} B)`
}

/** What cbor knows and JSON does not, in words of JSON. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object' || value === null) return value ?? null
  if (value instanceof Uint8Array) return bytesText(value)
  if (ArrayBuffer.isView(value)) return [...(value as unknown as Iterable<number | bigint>)].map(plain)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof Set) return [...value].map(plain)
  if (Array.isArray(value)) return value.map(plain)
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(entries.map(([key, item]) => [keyText(key), plain(item)]))
}

function keyText(key: unknown): string {
  return typeof key === 'string' ? key : JSON.stringify(plain(key))
}

function bytesText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  return PRINTABLE.test(text) ? text : hexOf(bytes)
}

function hexOf(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`
}
