/** What a sample of keys may hold after a load. */
export interface KeyTruth {
  readonly key: number
  /** The counts of the puts whose value may be there: the last acknowledged one, and one whose end is not known. */
  readonly sequences: readonly number[]
}

/**
 * Who writes which key. A key belongs to one caller, which has one put in flight: so its last acknowledged put is known.
 * After a put whose end is unknown its key is left alone for ever, because that put may still take effect.
 */
export class WrittenKeys {
  readonly #callers: number
  readonly #acknowledged: Float64Array
  readonly #unknown: Float64Array
  readonly #turn: Uint32Array

  /** At least one key for each caller. */
  constructor(keys: number, callers: number) {
    this.#callers = callers
    this.#acknowledged = new Float64Array(keys)
    this.#unknown = new Float64Array(keys)
    this.#turn = new Uint32Array(callers)
  }

  /** The caller's next key, in turns; undefined: it has none left. */
  next(caller: number): number | undefined {
    const own = Math.floor((this.#acknowledged.length - 1 - caller) / this.#callers) + 1
    for (let tries = 0; tries < own; tries++) {
      const turn = this.#turn[caller]!
      this.#turn[caller] = (turn + 1) % own
      const key = caller + turn * this.#callers
      if (this.#unknown[key] === 0) return key
    }
    return undefined
  }

  acknowledge(key: number, sequence: number): void {
    this.#acknowledged[key] = sequence
  }

  doubt(key: number, sequence: number): void {
    this.#unknown[key] = sequence
  }

  /** Up to `count` keys, spread over all that have an acknowledged put. */
  sample(count: number): KeyTruth[] {
    const written = [...this.#acknowledged.keys()].filter((key) => this.#acknowledged[key] !== 0)
    const step = Math.max(1, written.length / count)
    const sample: KeyTruth[] = []
    for (let i = 0; i < written.length && sample.length < count; i += step) {
      const key = written[Math.floor(i)]!
      const sequences = [this.#acknowledged[key]!, this.#unknown[key]!].filter((sequence) => sequence !== 0)
      sample.push({ key, sequences })
    }
    return sample
  }
}
