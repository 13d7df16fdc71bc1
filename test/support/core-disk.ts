import type { Instance } from '../../src/base/numbers.js'
import { type DurableState, EMPTY_HEAD, type Head, type LogRecord } from '../../src/core/durable.js'

/** Trimmed records that one commit removes. */
const TRIM_SLICE = 4

/** What one voter has on disk for one group: the twin of a log store, in a few lines, without anything to fail. */
export class TestDisk {
  head: Head = EMPTY_HEAD
  readonly records: (LogRecord | undefined)[] = []
  /** What lies below the first kept record and is still there begins here. */
  private trimmed: Instance = 1

  /** One commit: all or nothing. What was trimmed vanishes by and by. */
  write(records: readonly LogRecord[], head: Head): void {
    for (const record of records) this.records[record.instance] = record
    this.head = head
    const end = Math.min(head.firstKept, this.trimmed + TRIM_SLICE)
    while (this.trimmed < end) this.records[this.trimmed++] = undefined
  }

  record(instance: Instance): LogRecord | undefined {
    return this.records[instance]
  }

  /** What a group finds at its start. */
  load(): DurableState {
    const tail: LogRecord[] = []
    for (let i = this.head.chosenUpTo + 1; i <= this.head.lastAccepted; i++) {
      const record = this.records[i]
      if (record) tail.push(record)
    }
    return { head: this.head, tail }
  }
}
