/**
 * Puts as bytes, made once for each caller and then only overwritten where key and value differ. A key has always the
 * same length, and a value begins with its key and the count of its put, so that who reads it knows which put it was:
 *
 *   key    key-00000042
 *   value  key-00000042:0000000007:xxxxxxxx...
 */
const KEY_BYTES = 12
export const MIN_VALUE_BYTES = 24
const DIGITS = { key: 8, sequence: 10 } as const

export type Dialect = 'kv' | 'etcd-json' | 'etcd-grpc'

export const keyText = (key: number): string => `key-${String(key).padStart(DIGITS.key, '0')}`

export function valueText(key: number, sequence: number, bytes: number): string {
  return `${keyText(key)}:${String(sequence).padStart(DIGITS.sequence, '0')}:`.padEnd(bytes, 'x')
}

/** The request of one caller. Its bytes may be changed as soon as the answer has come. */
export interface PutRequest {
  readonly bytes: Buffer
  fill(key: number, sequence: number): void
}

/** `valueBytes`: at least `MIN_VALUE_BYTES`. */
export function putRequest(dialect: Dialect, authority: string, valueBytes: number): PutRequest {
  const head = Buffer.from(valueText(0, 0, MIN_VALUE_BYTES))
  const { bytes, keyAt, valueAt } = template[dialect](authority, valueBytes)
  const isBase64 = dialect === 'etcd-json'
  return {
    bytes,
    fill(key, sequence) {
      writeDigits(head, KEY_BYTES, DIGITS.key, key)
      writeDigits(head, MIN_VALUE_BYTES - 1, DIGITS.sequence, sequence)
      // 12 and 24 bytes are whole groups of base64: what follows them does not change.
      const text = isBase64 ? Buffer.from(head.toString('base64'), 'latin1') : head
      text.copy(bytes, keyAt, 0, isBase64 ? (KEY_BYTES / 3) * 4 : KEY_BYTES)
      text.copy(bytes, valueAt)
    },
  }
}

interface Template {
  readonly bytes: Buffer
  readonly keyAt: number
  readonly valueAt: number
}

const template: Readonly<Record<Dialect, (authority: string, valueBytes: number) => Template>> = {
  kv(authority, valueBytes) {
    const line = `PUT /kv/${keyText(0)} HTTP/1.1\r\nhost: ${authority}\r\n`
    return http(line, valueText(0, 0, valueBytes), 'PUT /kv/'.length)
  },
  'etcd-json'(authority, valueBytes) {
    const body = JSON.stringify({ key: base64(keyText(0)), value: base64(valueText(0, 0, valueBytes)) })
    const line = `POST /v3/kv/put HTTP/1.1\r\nhost: ${authority}\r\ncontent-type: application/json\r\n`
    const { bytes, valueAt: bodyAt } = http(line, body, 0)
    const after = (name: string) => bodyAt + body.indexOf(name) + name.length
    return { bytes, keyAt: after('"key":"'), valueAt: after('"value":"') }
  },
  // The message PutRequest of etcd: field 1 is the key, field 2 the value.
  'etcd-grpc'(_, valueBytes) {
    const keyHead = Buffer.from([0x0a, KEY_BYTES])
    const valueHead = Buffer.from([0x12, ...varint(valueBytes)])
    const value = Buffer.from(valueText(0, 0, valueBytes))
    const bytes = Buffer.concat([keyHead, Buffer.from(keyText(0)), valueHead, value])
    return { bytes, keyAt: keyHead.length, valueAt: keyHead.length + KEY_BYTES + valueHead.length }
  },
}

function http(head: string, body: string, keyAt: number): Template {
  const before = `${head}content-length: ${body.length}\r\n\r\n`
  return { bytes: Buffer.from(before + body, 'latin1'), keyAt, valueAt: before.length }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}

/** Decimal, with zeros before it, up to `end`. */
function writeDigits(bytes: Buffer, end: number, digits: number, value: number): void {
  let rest = value
  for (let at = end - 1; at >= end - digits; at--) {
    bytes[at] = 48 + (rest % 10)
    rest = Math.floor(rest / 10)
  }
}
