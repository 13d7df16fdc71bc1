import type { WorkerCommand } from '../codec/worker-records.js'
import type { SyncMode } from '../codec/worker-task.js'
import type { PaxosError } from './paxos-error.js'

interface Call<Slot> {
  readonly asked: number
  /** Workers that have not answered. */
  readonly waiting: Set<Slot>
  failure: PaxosError | undefined
  readonly resolve: () => void
  readonly reject: (error: PaxosError) => void
}

/**
 * How the logs of a node are flushed, and those who change it: each waits for all workers. Of several changes at one time the
 * last one counts, and an answer to it is one to all.
 */
export class SyncSwitch<Slot> {
  mode: SyncMode
  readonly #slots: readonly Slot[]
  readonly #send: (slot: Slot, command: WorkerCommand) => void
  #asked = 0
  #calls: Call<Slot>[] = []

  /** `send`: to the present life of a worker, if there is one. */
  constructor(mode: SyncMode, slots: readonly Slot[], send: (slot: Slot, command: WorkerCommand) => void) {
    this.mode = mode
    this.#slots = slots
    this.#send = send
  }

  set(mode: SyncMode): Promise<void> {
    this.mode = mode
    this.#asked++
    const done = new Promise<void>((resolve, reject) => {
      this.#calls.push({ asked: this.#asked, waiting: new Set(this.#slots), failure: undefined, resolve, reject })
    })
    for (const slot of this.#slots) this.#tell(slot)
    return done
  }

  /** A life of a worker begins: it starts with the mode, but what its last life was asked it may not have answered. */
  began(slot: Slot): void {
    if (this.#calls.some(({ waiting }) => waiting.has(slot))) this.#tell(slot)
  }

  answered(slot: Slot, asked: number, failure: PaxosError | undefined): void {
    for (const call of this.#calls) {
      if (call.asked > asked || !call.waiting.delete(slot)) continue
      call.failure ??= failure
      if (call.waiting.size > 0) continue
      if (call.failure === undefined) call.resolve()
      else call.reject(call.failure)
    }
    this.#calls = this.#calls.filter(({ waiting }) => waiting.size > 0)
  }

  endAll(error: PaxosError): void {
    const calls = this.#calls
    this.#calls = []
    for (const call of calls) call.reject(error)
  }

  #tell(slot: Slot): void {
    this.#send(slot, { kind: 'sync', mode: this.mode, asked: this.#asked })
  }
}
