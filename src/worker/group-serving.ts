import type { Millis } from '../base/numbers.js'
import type { LogRead, Transfer } from '../core/effects.js'
import type { GroupHost } from './group-host.js'

/** What the core of one group wants of the disk for its peers, gathered until the commit is over. */
export class GroupServing {
  readonly #host: GroupHost
  #reads: LogRead[] = []
  #transfers: Transfer[] = []

  constructor(host: GroupHost) {
    this.#host = host
  }

  get isEmpty(): boolean {
    return this.#reads.length === 0 && this.#transfers.length === 0
  }

  add(reads: readonly LogRead[], transfers: readonly Transfer[]): void {
    for (const read of reads) this.#reads.push(read)
    for (const transfer of transfers) this.#transfers.push(transfer)
  }

  clear(): void {
    this.#reads = []
    this.#transfers = []
  }

  run(now: Millis): void {
    const [reads, transfers] = [this.#reads, this.#transfers]
    this.clear()
    for (const read of reads) {
      this.#read(read, now)
      // The read has failed the whole store, which says nothing about this record.
      if (this.#host.core === undefined) return
    }
    for (const transfer of transfers) this.#host.keeper.serve(transfer, now)
  }

  #read({ peer, session, from, upTo, maxBytes, once }: LogRead, now: Millis): void {
    const host = this.#host
    const values = host.store.read(host.group, from, upTo, maxBytes, now).map((record) => record.value)
    if (host.core === undefined) return
    // This node's own trouble, and its own repair; the peer asks another node. What was trimmed meanwhile is no trouble.
    if (values.length === 0 && from >= host.core.firstKept) host.unreadable(from, now)
    host.step({ kind: 'served', peer, session, from, once, values }, now)
  }
}
