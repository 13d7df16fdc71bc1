import type { Millis } from '../base/numbers.js'
import { RECORD_KIND, ReplyReader, readEnded, readQueryReply } from '../codec/worker-records.js'
import type { HostedGroup } from './hosted-group.js'
import type { CallPort } from './worker-port.js'

/** Gives the records of an outbox that end calls to their groups. */
export class AnswerReader {
  readonly #groups: ReadonlyMap<number, HostedGroup<CallPort>>
  readonly #replies = new ReplyReader()

  constructor(groups: ReadonlyMap<number, HostedGroup<CallPort>>) {
    this.#groups = groups
  }

  /** False: it is a record of another kind. */
  take(kind: number, view: DataView, bytes: Uint8Array, offset: number, length: number, now: Millis): boolean {
    switch (kind) {
      case RECORD_KIND.reply:
        this.#replies.read(view, bytes, offset, length)
        this.#groups.get(this.#replies.group)?.replied(this.#replies, now)
        return true
      case RECORD_KIND.ended: {
        const ended = readEnded(view, offset, length)
        this.#groups.get(ended.group)?.ended(ended, now)
        return true
      }
      case RECORD_KIND.queryReply: {
        const head = readQueryReply(view, offset, length)
        this.#groups.get(head.group)?.queryReplied(head, bytes, offset, length, now)
        return true
      }
      default:
        return false
    }
  }
}
