import type { GroupIndex, Instance } from '../base/numbers.js'
import type { RunEnded } from '../core/effects.js'
import type { Sequences } from '../ring/sequences.js'
import type { EncodedPayload } from '../state-machine/machine-set.js'
import type { Outcome } from '../state-machine/outcome.js'
import type { ReplySink } from './executor.js'
import { OwnRuns, type RunBounds, type SourcedRun } from './own-runs.js'
import type { ReplyOutlet } from './reply-outlet.js'

/** One read of one source. */
export interface Asked {
  readonly replies: ReplyOutlet
  /** What it is called there. */
  readonly token: number
  readonly query: EncodedPayload
}

/** Everyone on this node who waits for something of one group: each of them hears of exactly one end. */
export class GroupCallers implements ReplySink {
  readonly runs: OwnRuns
  readonly #reads = new Map<number, Asked>()
  readonly #group: GroupIndex
  #lastRead = 0
  /** Whose outcomes come now. */
  #run: SourcedRun | undefined

  constructor(group: GroupIndex, sequences: Sequences, bounds: RunBounds) {
    this.#group = group
    this.runs = new OwnRuns(bounds, (count) => sequences.take(group, count))
  }

  /** What the read is called in the core. */
  addRead(asked: Asked): number {
    this.#reads.set(++this.#lastRead, asked)
    return this.#lastRead
  }

  findRead(token: number): Asked | undefined {
    return this.#reads.get(token)
  }

  takeRead(token: number): Asked | undefined {
    const asked = this.findRead(token)
    this.#reads.delete(token)
    return asked
  }

  begin(sequence: number): boolean {
    this.#run = this.runs.find(sequence)
    return this.#run !== undefined
  }

  open(sequence: number, instance: Instance, index: number): void {
    const { replies, calledThere, sequence: first } = this.#run as SourcedRun
    replies.beginReply(this.#group, calledThere + sequence - first, instance, index)
  }

  add(outcome: Outcome): void {
    this.#run?.replies.addReply(outcome)
  }

  close(): void {
    this.#run?.replies.endReply()
  }

  end(sequence: number): void {
    this.runs.end(sequence)
    this.#run = undefined
  }

  /** The core gave a run up. */
  ended({ sequence, count }: RunEnded): void {
    const run = this.runs.find(sequence)
    if (run === undefined) return
    this.runs.end(sequence)
    run.replies.ended(this.#group, run.calledThere, count, 'dropped')
  }

  answer({ replies, token }: Asked, outcome: Outcome): void {
    replies.answer(this.#group, token, outcome)
  }

  refuseRead({ replies, token }: Asked, outcome: 'no-quorum' | 'restarted'): void {
    replies.unanswered(this.#group, token, outcome)
  }

  /** The group stops here, or begins anew. */
  endAll(): void {
    this.runs.endAll(({ replies, calledThere, count }, proposed) =>
      replies.ended(this.#group, calledThere, count, proposed ? 'restarted' : 'unproposed'),
    )
    for (const asked of this.#reads.values()) this.refuseRead(asked, 'restarted')
    this.#reads.clear()
  }
}
