import type { GroupIndex, Millis } from '../base/numbers.js'
import { AnswerReader } from '../host/answer-reader.js'
import type { HostedGroup } from '../host/hosted-group.js'
import { type CallPort, type PortBounds, WorkerPort } from '../host/worker-port.js'
import { openPortEnd, type PortEnd, type PortMemory } from '../ring/port-memory.js'

export type PortedGroup = HostedGroup<CallPort>

/** The place of one worker in a port: as in the host (worker-slot.ts), its groups stay, and its lives come and go. */
export class PortSlot {
  port: WorkerPort<PortEnd> | undefined
  readonly #groups: readonly PortedGroup[]
  readonly #answers: AnswerReader
  readonly #bounds: PortBounds
  readonly #now: () => Millis

  constructor(groups: readonly PortedGroup[], bounds: PortBounds, now: () => Millis) {
    this.#groups = groups
    this.#answers = new AnswerReader(new Map(groups.map((group): [GroupIndex, PortedGroup] => [group.index, group])))
    this.#bounds = bounds
    this.#now = now
  }

  begin(memory: PortMemory): void {
    this.port = new WorkerPort(openPortEnd(memory), this.#bounds)
    for (const group of this.#groups) this.admit(group)
  }

  /** A group that has failed takes nothing; what waits for it waits here, where a deadline still takes it out. */
  admit(group: PortedGroup): void {
    group.port = group.failure === undefined ? this.port : undefined
  }

  /** The worker's life is over. What it said last counts. */
  end(): void {
    try {
      this.drain()
    } catch {
      // A corrupt ring has nothing more to say.
    }
    this.port = undefined
    for (const group of this.#groups) group.workerLost()
  }

  /** Reads what has been answered by now; true if there was anything. Throws `RingCorrupt`. */
  drain(): boolean {
    const { port } = this
    if (port === undefined || port.end.outbox.isEmpty()) return false
    const { outbox } = port
    port.end.outbox.snapshot()
    const now = this.#now()
    while (outbox.next()) this.#answers.take(outbox.kind, outbox.view, outbox.bytes, outbox.offset, outbox.length, now)
    outbox.release()
    return true
  }
}
