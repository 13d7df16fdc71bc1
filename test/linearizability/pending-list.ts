import type { Operation } from './history.js'

/** Before all events. */
export const HEAD = 0

/**
 * The calls and ends of a history in the order of time, as a doubly linked list from which an operation can be lifted out
 * and put back. Events are numbers; an operation without an end has no end event.
 */
export class PendingList {
  /** Whose event it is. */
  readonly operationOf: Int32Array
  readonly isCall: Uint8Array
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #callOf: Int32Array
  readonly #endOf: Int32Array

  constructor(operations: readonly Operation<unknown>[]) {
    const events = operations.flatMap(({ call, end }, operation) => {
      const calls = { at: call, isCall: true, operation }
      return end === Number.POSITIVE_INFINITY ? [calls] : [calls, { at: end, isCall: false, operation }]
    })
    // At the same time calls come first: then the two operations overlap, which forbids the least.
    events.sort((a, b) => a.at - b.at || Number(b.isCall) - Number(a.isCall))
    const count = events.length + 1
    this.operationOf = new Int32Array(count).fill(-1)
    this.isCall = new Uint8Array(count)
    this.#next = Int32Array.from({ length: count }, (_, event) => (event + 1 < count ? event + 1 : -1))
    this.#previous = Int32Array.from({ length: count }, (_, event) => event - 1)
    this.#callOf = new Int32Array(operations.length)
    this.#endOf = new Int32Array(operations.length).fill(-1)
    for (const [index, { isCall, operation }] of events.entries()) {
      const event = index + 1
      this.operationOf[event] = operation
      this.isCall[event] = Number(isCall)
      if (isCall) this.#callOf[operation] = event
      else this.#endOf[operation] = event
    }
  }

  /** -1 behind the last one. */
  next(event: number): number {
    return this.#next[event]!
  }

  callOf(operation: number): number {
    return this.#callOf[operation]!
  }

  lift(operation: number): void {
    this.#unlink(this.#callOf[operation]!)
    const end = this.#endOf[operation]!
    if (end >= 0) this.#unlink(end)
  }

  /** The last one that was lifted and is still out. */
  putBack(operation: number): void {
    const end = this.#endOf[operation]!
    if (end >= 0) this.#link(end)
    this.#link(this.#callOf[operation]!)
  }

  #unlink(event: number): void {
    const [next, previous] = [this.#next[event]!, this.#previous[event]!]
    this.#next[previous] = next
    if (next >= 0) this.#previous[next] = previous
  }

  #link(event: number): void {
    const [next, previous] = [this.#next[event]!, this.#previous[event]!]
    this.#next[previous] = event
    if (next >= 0) this.#previous[next] = event
  }
}
