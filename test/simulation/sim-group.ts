import type { GroupIndex } from '../../src/base/numbers.js'
import type { Head, LogRecord } from '../../src/core/durable.js'
import { createEffects, type Effects, type LogRead, type Send } from '../../src/core/effects.js'
import type { Group } from '../../src/core/group.js'
import type { ReplicaView } from '../../src/core/invariants.js'
import type { TimerKind } from '../../src/core/timers.js'
import type { TestDisk } from '../support/core-disk.js'
import type { Ledger } from '../support/core-ledger.js'

/** One group in one life of a node, and what its worker keeps for it. */
export class SimGroup {
  readonly index: GroupIndex
  readonly group: Group
  readonly disk: TestDisk
  readonly ledger: Ledger
  readonly effects: Effects = createEffects()
  /** What the next commit writes. */
  readonly records: LogRecord[] = []
  head: Head | undefined
  readonly sends: Send[] = []
  readonly reads: LogRead[] = []
  readonly timers = new Map<TimerKind, number>()
  /** Status last sent: `chosenUpTo`, `lastAccepted` and chain as one word. */
  lastStatus = ''
  chosenBefore = 0

  constructor(index: GroupIndex, group: Group, disk: TestDisk, ledger: Ledger) {
    this.index = index
    this.group = group
    this.disk = disk
    this.ledger = ledger
  }

  get mustCommit(): boolean {
    return this.records.length > 0 || this.head !== undefined
  }

  view(nodeId: number): ReplicaView {
    const { promised, chosenUpTo, executedUpTo, lastAccepted } = this.group
    return { nodeId, promised, chosenUpTo, executedUpTo, lastAccepted }
  }
}
