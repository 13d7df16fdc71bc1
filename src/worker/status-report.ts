import type { Millis } from '../base/numbers.js'
import type { GroupStatus } from '../codec/worker-records.js'
import type { GroupHost } from './group-host.js'
import type { Outbox } from './outbox.js'

/** A busy group changes with every command; the host and the peers want to know a few times a second. */
const INTERVAL_MS = 100

/** What the host was last told about one group. */
export class StatusReport {
  #last: GroupStatus | undefined
  #dueAt: Millis = 0

  /** Writes a STATUS if there is news and it is time, at once for a change of state; when to call again otherwise. */
  report(host: GroupHost, outbox: Outbox, now: Millis): Millis {
    if (!this.#isNews(host)) return Number.POSITIVE_INFINITY
    if (now < this.#dueAt && host.state === this.#last?.state) return this.#dueAt
    this.#last = statusOf(host)
    this.#dueAt = now + INTERVAL_MS
    outbox.status(this.#last)
    return Number.POSITIVE_INFINITY
  }

  #isNews(host: GroupHost): boolean {
    const { core } = host
    const last = this.#last
    if (last === undefined || last.state !== host.state) return true
    if (core === undefined) return false
    return (
      last.executedUpTo !== core.executedUpTo ||
      last.chosenUpTo !== core.chosenUpTo ||
      last.lastAccepted !== core.lastAccepted ||
      last.leader !== core.leader ||
      last.firstKept !== core.firstKept ||
      last.checkpoint !== host.keeper.newestCheckpoint ||
      last.waitingBytes !== core.waitingBytes + host.callers.runs.heldBytes
    )
  }
}

/** A silent group has no core any more: zeros, and the state says why. */
function statusOf(host: GroupHost): GroupStatus {
  const { core, execution, store, callers } = host
  const chosenUpTo = core?.chosenUpTo ?? 0
  const executedUpTo = core?.executedUpTo ?? 0
  const lastAccepted = core?.lastAccepted ?? 0
  return {
    group: host.group,
    state: host.state,
    chosenUpTo,
    lastAccepted,
    executedUpTo,
    firstKept: core?.head().firstKept ?? 1,
    checkpoint: host.keeper.newestCheckpoint,
    leader: core?.leader ?? 0,
    // The genesis: there is no change of membership yet.
    membershipVersion: 0,
    chain: core?.status().chain ?? 0,
    digest: execution?.digest ?? 0,
    digestAt: Math.max(executedUpTo, execution?.machines.digestUpTo ?? 0),
    waiting: callers.runs.openRuns,
    inFlight: lastAccepted - chosenUpTo,
    waitingBytes: (core?.waitingBytes ?? 0) + callers.runs.heldBytes,
    executedCommands: execution?.commands ?? 0,
    commits: store.commits,
    commitMicros: Math.round(store.commitMs * 1000),
  }
}
