import type { Ballot, Instance, MembershipVersion } from '../base/numbers.js'
import type { Value } from './command-run.js'
import type { AcceptedRecord, LogRecord } from './durable.js'

export interface LogEntry {
  readonly instance: Instance
  /** 0: learned as chosen. */
  readonly ballot: Ballot
  readonly recoveredTo: Instance
  readonly version: MembershipVersion
  readonly value: Value
}

/**
 * The part of the log that is kept in memory: everything accepted above `chosenUpTo`, and chosen values that wait for
 * execution (as far as the cache bound allows; the rest is read from disk again).
 */
export class LogWindow {
  private readonly entries = new Map<Instance, LogEntry>()
  /** The highest instance that a record is held for, `chosenUpTo` at the start if none was. */
  lastAccepted: Instance
  /** Bytes of chosen values held. */
  private chosenBytes = 0

  constructor(chosenUpTo: Instance, tail: readonly LogRecord[]) {
    this.lastAccepted = chosenUpTo
    for (const record of tail) this.put(record)
  }

  get(instance: Instance): LogEntry | undefined {
    return this.entries.get(instance)
  }

  put(entry: LogEntry): void {
    this.entries.set(entry.instance, entry)
    if (entry.instance > this.lastAccepted) this.lastAccepted = entry.instance
  }

  /** Records above `instance` are void: they were never chosen and can no longer be. */
  dropAbove(instance: Instance): void {
    while (this.lastAccepted > instance) this.entries.delete(this.lastAccepted--)
  }

  /** The last instance of the unbroken stretch above `after` that is held at `ballot`; `after` if there is none. */
  heldUpTo(after: Instance, ballot: Ballot): Instance {
    let instance = after
    while (this.entries.get(instance + 1)?.ballot === ballot) instance++
    return instance
  }

  /** Accepted records from `from` on, in order. */
  recordsFrom(from: Instance): AcceptedRecord[] {
    const records: AcceptedRecord[] = []
    for (let instance = from; instance <= this.lastAccepted; instance++) {
      const entry = this.entries.get(instance)
      if (entry) records.push(entry)
    }
    return records
  }

  noteChosen(instance: Instance): void {
    this.chosenBytes += this.entries.get(instance)?.value.length ?? 0
  }

  /** Executed: the value is not needed any more. */
  forget(instance: Instance): void {
    const entry = this.entries.get(instance)
    if (!entry) return
    this.chosenBytes -= entry.value.length
    this.entries.delete(instance)
  }

  /** Drops the newest chosen values above the bound. Only called when they are durable, for they are read again. */
  evict(executedUpTo: Instance, chosenUpTo: Instance, maxBytes: number): void {
    for (let instance = chosenUpTo; instance > executedUpTo + 1 && this.chosenBytes > maxBytes; instance--) {
      this.forget(instance)
    }
  }
}
