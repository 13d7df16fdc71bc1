/** Counts requests, so that a server that stops can wait for the last of them. */
export class InFlight {
  #count = 0
  #drained: (() => void) | undefined

  begin(): void {
    this.#count++
  }

  end(): void {
    this.#count--
    if (this.#count === 0) this.#drained?.()
  }

  /** Resolves when none is left, or after `graceMs`. */
  async drained(graceMs: number): Promise<void> {
    if (this.#count === 0) return
    const { promise, resolve } = withResolvers()
    this.#drained = resolve
    const timer = setTimeout(resolve, graceMs)
    await promise
    clearTimeout(timer)
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
