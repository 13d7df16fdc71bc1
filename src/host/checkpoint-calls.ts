import type { Instance } from '../base/numbers.js'
import type { PaxosError } from './paxos-error.js'

export interface CheckpointMade {
  /** Everything up to this instance is in it. */
  readonly instance: number
}

interface Call {
  readonly asked: number
  readonly promise: Promise<CheckpointMade>
  readonly resolve: (made: CheckpointMade) => void
  readonly reject: (error: PaxosError) => void
}

/**
 * Those who asked for a checkpoint of one group. One request is with the worker at a time; whoever asks meanwhile shares
 * the next one, because what is executed by then may be behind the one that is being made.
 */
export class CheckpointCalls {
  readonly #send: (asked: number) => void
  #asked = 0
  #current: Call | undefined
  #next: Call | undefined
  /** The present one has not left this thread yet: it will cover all that is executed now. */
  #isFresh = false

  /** `send` tells the worker, in a later turn of the loop at the earliest. */
  constructor(send: (asked: number) => void) {
    this.#send = send
  }

  ask(): Promise<CheckpointMade> {
    if (this.#current === undefined) {
      this.#current = this.#call()
      this.#begin(this.#current)
      return this.#current.promise
    }
    if (this.#isFresh) return this.#current.promise
    this.#next ??= this.#call()
    return this.#next.promise
  }

  /** A checkpoint is there that answers the request `asked` and all before it. */
  made(instance: Instance, asked: number): void {
    this.#end(asked, (call) => call.resolve({ instance }))
  }

  /** The request `asked`, and those before it, come to nothing. */
  failed(asked: number, error: PaxosError): void {
    this.#end(asked, (call) => call.reject(error))
  }

  /** The task for it came too late: it is asked for once more. */
  again(asked: number): void {
    if (this.#current !== undefined && this.#current.asked <= asked) this.#send(this.#current.asked)
  }

  endAll(error: PaxosError): void {
    const calls = [this.#current, this.#next]
    this.#current = undefined
    this.#next = undefined
    for (const call of calls) call?.reject(error)
  }

  #end(asked: number, end: (call: Call) => void): void {
    const call = this.#current
    if (call === undefined || call.asked > asked) return
    this.#current = this.#next
    this.#next = undefined
    if (this.#current !== undefined) this.#begin(this.#current)
    end(call)
  }

  #begin(call: Call): void {
    this.#isFresh = true
    // Before the records of this turn are published: that is a tick of its own, asked for later.
    process.nextTick(() => {
      this.#isFresh = false
    })
    this.#send(call.asked)
  }

  #call(): Call {
    let resolve!: Call['resolve']
    let reject!: Call['reject']
    const promise = new Promise<CheckpointMade>((res, rej) => {
      resolve = res
      reject = rej
    })
    return { asked: ++this.#asked, promise, resolve, reject }
  }
}
