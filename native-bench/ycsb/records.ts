const KEY_DIGITS = 10
/** `user0000000042:17:123:` and then filler. */
export const MIN_VALUE_BYTES = 48
const VALUE = /^(user\d{10}):(\d+):(\d+):x*$/

export const keyText = (key: number): string => `user${String(key).padStart(KEY_DIGITS, '0')}`

/** Names the key, its writer, and which of that writer's writes it was: whoever reads it can tell whether it was written. */
export function valueFor(key: number, writer: number, count: number, bytes: number): Buffer {
  return Buffer.from(`${keyText(key)}:${writer}:${count}:`.padEnd(bytes, 'x'), 'latin1')
}

/** What every key must have at the least, and what every writer has sent. */
export class Truth {
  readonly #sent: number[]
  readonly #versions: number[] = []
  readonly #bytes: number
  /** One sentence for each value that should not have been read; the first few. */
  readonly wrong: string[] = []
  wrongCount = 0

  constructor(writers: number, bytes: number) {
    this.#sent = new Array<number>(writers).fill(0)
    this.#bytes = bytes
  }

  /** The value of the writer's next write, of this key. */
  nextValue(key: number, writer: number): Buffer {
    const count = this.#sent[writer]! + 1
    this.#sent[writer] = count
    return valueFor(key, writer, count, this.#bytes)
  }

  acknowledge(key: number, version: number): void {
    this.#versions[key] = Math.max(this.#versions[key] ?? 0, version)
  }

  /** The version that a linearizable read which begins now must find, or a higher one. */
  lowest(key: number): number {
    return this.#versions[key] ?? 0
  }

  /** `lowest`: 0 where an older value may be read too. */
  check(key: number, found: Versioned | undefined, lowest: number): void {
    if (found === undefined) return this.#isWrong(`${keyText(key)} is not there`)
    const { version, value } = found
    const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')
    const [, name, writer, count] = VALUE.exec(text) ?? []
    const wasSent = Number(count) >= 1 && Number(count) <= (this.#sent[Number(writer)] ?? 0)
    if (name !== keyText(key) || text.length !== this.#bytes || !wasSent) {
      this.#isWrong(`${keyText(key)} holds ${text.slice(0, MIN_VALUE_BYTES)}, which nobody wrote`)
    } else if (version < lowest) {
      this.#isWrong(`${keyText(key)} was read with version ${version} after ${lowest} had been acknowledged`)
    }
  }

  #isWrong(line: string): void {
    this.wrongCount++
    if (this.wrong.length < 10) this.wrong.push(line)
  }
}

export interface Versioned {
  readonly version: number
  readonly value: Uint8Array
}
