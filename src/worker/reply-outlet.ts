import type { GroupIndex, Instance } from '../base/numbers.js'
import type { EndedOutcome, QueryOutcome } from '../codec/worker-records.js'
import type { Outcome } from '../state-machine/outcome.js'

/** Where the ends of the commands and reads of one source go: to the host, or to a port of the application. */
export interface ReplyOutlet {
  /** So much lies there unread that nothing more is to be taken in from this source. */
  readonly isClogged: boolean
  /** Begins the results of consecutive commands of a run; `addReply` for each, then `endReply`. */
  beginReply(group: GroupIndex, sequence: number, instance: Instance, index: number): void
  addReply(outcome: Outcome): void
  endReply(): void
  ended(group: GroupIndex, sequence: number, count: number, outcome: EndedOutcome): void
  answer(group: GroupIndex, token: number, outcome: Outcome): void
  /** A read that gets no answer. */
  unanswered(group: GroupIndex, token: number, outcome: Exclude<QueryOutcome, 'answered'>): void
}
