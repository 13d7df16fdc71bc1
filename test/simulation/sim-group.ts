import type { GroupIndex, NodeId } from '../../src/base/numbers.js'
import type { CheckpointRef, Head, LogRecord } from '../../src/core/durable.js'
import { createEffects, type Effects, type LogRead, type Send } from '../../src/core/effects.js'
import type { Group } from '../../src/core/group.js'
import type { ReplicaView } from '../../src/core/invariants.js'
import type { TimerKind } from '../../src/core/timers.js'
import type { Ledger } from '../support/core-ledger.js'
import type { Coverage } from './coverage.js'
import type { SimDisk } from './sim-disk.js'
import type { StepRules } from './step-rules.js'

/** One group in one life of a node, and what its worker keeps for it. */
export class SimGroup {
  readonly index: GroupIndex
  readonly disk: SimDisk
  readonly ledger: Ledger
  readonly rules: StepRules
  readonly effects: Effects = createEffects()
  /** What the next commit writes. */
  readonly records: LogRecord[] = []
  head: Head | undefined
  readonly sends: Send[] = []
  readonly reads: LogRead[] = []
  readonly timers = new Map<TimerKind, number>()
  /** A state machine threw, or its state is gone: votes go on, nothing is executed, callers are refused. */
  retrying = false
  /** The latest chosen instance whose record the disk did not give back; 0: none. */
  unreadableAt = 0
  /** How often it was built anew from its log in this life. */
  builds = 0
  /** The state is saved after the next commit. */
  saving = false
  /** The next commit trims. */
  trimming = false
  /** A checkpoint is being made, wanted by a peer, known to the core, being loaded. */
  taking = false
  makeWanted = false
  told: CheckpointRef | undefined
  loading = false
  /** It is one of this disk, not one that was just received. */
  loadsOwn = false
  /** The session whose parts the disk takes; 0: none. */
  receiving = 0
  /** When the disk is done with the checkpoints of this group as far as it was asked: one thing after the other. */
  transfersUntil = 0
  /** Status last sent: `chosenUpTo`, `lastAccepted` and chain as one word. */
  lastStatus = ''
  private core: Group
  /** The message that goes next, and to which of its receivers. */
  private sendAt = 0
  private peerAt = 0

  constructor(index: GroupIndex, core: Group, disk: SimDisk, ledger: Ledger, rules: StepRules) {
    this.index = index
    this.core = core
    this.disk = disk
    this.ledger = ledger
    this.rules = rules
  }

  get group(): Group {
    return this.core
  }

  get mustCommit(): boolean {
    return this.records.length > 0 || this.head !== undefined
  }

  view(nodeId: NodeId): ReplicaView {
    const { promised, chosenUpTo, executedUpTo, lastAccepted } = this.group
    return { nodeId, promised, chosenUpTo, executedUpTo, lastAccepted }
  }

  /** One durable commit of all that was asked for; `head`: with this one, whatever was asked for. */
  commit(nodeId: NodeId, head = this.head ?? this.core.head()): void {
    this.ledger.commit(nodeId, this.disk.log, this.records, head)
    this.records.length = 0
    this.head = undefined
  }

  /** Begins again from disk, in the same process: nothing that waited in memory survives. */
  rebuild(core: Group): void {
    this.core = core
    this.builds++
    this.retrying = false
    this.unreadableAt = 0
    this.saving = false
    this.trimming = false
    this.makeWanted = false
    this.told = undefined
    this.loading = false
    this.sends.length = 0
    this.reads.length = 0
    for (const [timer, token] of this.timers) this.timers.set(timer, token + 1)
  }

  /** Sends what waits, a message to one peer at a time; false if `send` says that the node died over it. */
  publish(begins: (send: Send) => void, send: (to: NodeId, message: Send['message']) => boolean): boolean {
    for (; this.sendAt < this.sends.length; this.sendAt++) {
      const next = this.sends[this.sendAt] as Send
      begins(next)
      for (this.peerAt = 0; this.peerAt < next.to.length; this.peerAt++) {
        if (!send(next.to[this.peerAt] as NodeId, next.message)) return false
      }
      this.peerAt = 0
    }
    this.sends.length = 0
    this.sendAt = 0
    return true
  }

  /** The node died: what it had not sent is counted. */
  countUnsent(coverage: Coverage): void {
    for (let i = this.sendAt; i < this.sends.length; i++) {
      const { to, message } = this.sends[i] as Send
      for (let n = i === this.sendAt ? this.peerAt : 0; n < to.length; n++) coverage.hit(message.kind, 'unsent')
    }
  }
}
