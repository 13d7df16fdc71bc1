const LF = 10
const CR = 13
const COLON = 58
const LENGTH_NAME = Buffer.from('content-length')
/** Of one response: more is an answer to something that this load never asks. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024

export type OnResponse = (status: number, body: Uint8Array, head: Buffer) => void

/**
 * The responses of one HTTP/1.1 connection: status and body, as little as a load has to know. Bodies have a
 * `content-length`; anything else is an error, because what follows it could not be told apart.
 */
export class ResponseParser {
  readonly #onResponse: OnResponse
  #rest: Buffer | undefined

  constructor(onResponse: OnResponse) {
    this.#onResponse = onResponse
  }

  /** Takes the next bytes of the connection, which may be overwritten afterwards. Throws on what is not HTTP/1.1. */
  feed(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (at < bytes.length) {
      const end = this.#one(bytes, at)
      if (end < 0) break
      at = end
    }
    if (bytes.length - at > MAX_RESPONSE_BYTES) throw new Error(`a response of more than ${MAX_RESPONSE_BYTES} bytes`)
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at))
  }

  /** Where the response that begins at `start` ends; -1: not all of it is there. */
  #one(bytes: Buffer, start: number): number {
    let length = -1
    let lineAt = start
    for (let i = start; i < bytes.length; i++) {
      if (bytes[i] !== LF) continue
      const isEmpty = i - lineAt === 0 || (i - lineAt === 1 && bytes[lineAt] === CR)
      if (isEmpty) return this.#whole(bytes, start, i + 1, length)
      if (isLength(bytes, lineAt)) length = numberAt(bytes, lineAt + LENGTH_NAME.length + 1)
      lineAt = i + 1
    }
    return -1
  }

  #whole(bytes: Buffer, start: number, bodyAt: number, length: number): number {
    const status = statusAt(bytes, start)
    const bodyBytes = status === 204 || status === 304 ? 0 : length
    if (bodyBytes < 0) throw new Error(`a response ${status} without a content-length, which this load cannot read`)
    if (bodyAt + bodyBytes > bytes.length) return -1
    this.#onResponse(status, bytes.subarray(bodyAt, bodyAt + bodyBytes), bytes.subarray(start, bodyAt))
    return bodyAt + bodyBytes
  }
}

/** `HTTP/1.1 200 ...` */
function statusAt(bytes: Buffer, at: number): number {
  const status = numberAt(bytes, at + 9)
  if (bytes.toString('latin1', at, at + 7) === 'HTTP/1.' && status >= 200 && status <= 599) return status
  throw new Error(`not the status line of HTTP/1.1: ${JSON.stringify(bytes.toString('latin1', at, at + 40))}`)
}

function isLength(bytes: Buffer, at: number): boolean {
  if (bytes[at + LENGTH_NAME.length] !== COLON) return false
  // Setting one bit makes a capital letter a small one, and leaves the hyphen as it is.
  for (let i = 0; i < LENGTH_NAME.length; i++) if ((bytes[at + i]! | 32) !== LENGTH_NAME[i]) return false
  return true
}

/** A decimal number, after spaces. */
function numberAt(bytes: Buffer, at: number): number {
  let i = at
  while (bytes[i] === 32) i++
  let value = 0
  for (let digit = bytes[i]! - 48; digit >= 0 && digit <= 9; digit = bytes[++i]! - 48) value = value * 10 + digit
  return value
}
