/** One body at a time for each name; the others wait in the order they came. */
export class Locks {
  readonly #tails = new Map<number, Promise<unknown>>()

  async hold<T>(names: readonly number[], body: () => Promise<T>): Promise<T> {
    // Ascending for everybody: no two of them can wait for each other.
    const [first, ...rest] = [...names].sort((a, b) => a - b)
    if (first === undefined) return body()
    const before = this.#tails.get(first) ?? Promise.resolve()
    const mine = before.then(() => this.hold(rest, body))
    this.#tails.set(
      first,
      mine.catch(() => undefined),
    )
    return mine
  }
}
