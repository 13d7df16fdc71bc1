/** How long a dialer waits before it tries again: doubling, with jitter, so that peers of a lost node do not dial in step. */
export class BackOff {
  readonly #minMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #failures = 0
  #refusals = 0

  constructor(minMs: number, maxMs: number, random: () => number) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#random = random
  }

  /** After a lost or failed connection. */
  failed(): number {
    this.#refusals = 0
    return this.#jitter(Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(this.#failures++, 30)))
  }

  /** After a refusal: nobody gains by asking often, until someone changes a setting. */
  refused(): number {
    const highest = Math.max(5_000, this.#maxMs)
    return this.#jitter(Math.min(highest, Math.max(250, this.#minMs) * 2 ** Math.min(this.#refusals++, 30)))
  }

  reset(): void {
    this.#failures = 0
    this.#refusals = 0
  }

  #jitter(ms: number): number {
    return ms * (0.5 + this.#random() / 2)
  }
}
