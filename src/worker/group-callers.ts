import type { GroupIndex, Instance } from '../base/numbers.js'
import type { RunEnded } from '../core/effects.js'
import type { EncodedPayload } from '../state-machine/machine-set.js'
import type { Outcome } from '../state-machine/outcome.js'
import type { ReplySink } from './executor.js'
import type { Outbox } from './outbox.js'
import { OwnRuns, type RunBounds } from './own-runs.js'

/** Everyone on this node who waits for something of one group: each of them hears of exactly one end. */
export class GroupCallers implements ReplySink {
  readonly runs: OwnRuns
  readonly #reads = new Map<number, EncodedPayload>()
  readonly #group: GroupIndex
  readonly #outbox: Outbox

  constructor(group: GroupIndex, outbox: Outbox, bounds: RunBounds) {
    this.#group = group
    this.#outbox = outbox
    this.runs = new OwnRuns(bounds)
  }

  addRead(token: number, query: EncodedPayload): void {
    this.#reads.set(token, query)
  }

  takeRead(token: number): EncodedPayload | undefined {
    const query = this.#reads.get(token)
    this.#reads.delete(token)
    return query
  }

  begin(sequence: number): boolean {
    return this.runs.isOpen(sequence)
  }

  open(sequence: number, instance: Instance, index: number): void {
    this.#outbox.beginReply(this.#group, sequence, instance, index)
  }

  add(outcome: Outcome): void {
    this.#outbox.addReply(outcome)
  }

  close(): void {
    this.#outbox.endReply()
  }

  end(sequence: number): void {
    this.runs.end(sequence)
  }

  /** The core gave a run up. */
  ended({ sequence, count }: RunEnded): void {
    if (this.runs.end(sequence)) this.#outbox.ended(this.#group, sequence, count, 'dropped')
  }

  answer(token: number, outcome: Outcome): void {
    this.#outbox.answer(this.#group, token, outcome)
  }

  refuseRead(token: number, outcome: 'no-quorum' | 'restarted'): void {
    this.#outbox.unanswered(this.#group, token, outcome)
  }

  /** The group stops here, or begins anew. */
  endAll(): void {
    this.runs.endAll((sequence, count, proposed) =>
      this.#outbox.ended(this.#group, sequence, count, proposed ? 'restarted' : 'unproposed'),
    )
    for (const token of this.#reads.keys()) this.refuseRead(token, 'restarted')
    this.#reads.clear()
  }
}
