import type { Ballot, Instance, NodeId } from '../../src/base/numbers.js'
import { headAfterLoad } from '../../src/core/checkpoint-load.js'
import type { Value } from '../../src/core/command-run.js'
import type { GroupConfig, GroupTuning } from '../../src/core/config.js'
import { type Base, EMPTY_BASE, type Head, type LogRecord } from '../../src/core/durable.js'
import { clearEffects, createEffects, type LogRead, type QueryReady, type Transfer } from '../../src/core/effects.js'
import { Group } from '../../src/core/group.js'
import type { Input } from '../../src/core/input.js'
import {
  acceptedIsCovered,
  ballotUsedOnce,
  chainsAgree,
  chosenIsCovered,
  chosenOnlyGrows,
  executesOnce,
  positionsAreOrdered,
  prepareIsCovered,
  promiseIsCovered,
  promiseOnlyGrows,
  proposesOnce,
  tailIsContiguous,
  votesOnce,
} from '../../src/core/invariants.js'
import { Membership } from '../../src/core/membership.js'
import type { Message } from '../../src/core/messages.js'
import type { TimerKind } from '../../src/core/timers.js'
import { TestDisk } from './core-disk.js'
import { testValues, textBody } from './core-values.js'

export interface Outgoing {
  readonly to: NodeId
  readonly message: Message
}

export interface NodeOptions {
  readonly tuning: GroupTuning
  readonly proposeOn: 'leader' | 'here'
}

/**
 * One node of a small cluster whose every step somebody decides (the explorer, a scenario): the real group, its disk, what waits for the commit, and what an observer
 * remembers of all its lives. The explorer copies and compares it as a whole, so it is plain data.
 */
export class NodeModel {
  readonly nodeId: NodeId
  readonly voters: readonly NodeId[]
  readonly options: NodeOptions
  /** The node's clock; whoever steps the node sets it. */
  now = 0
  group: Group
  life = 1
  readonly disk = new TestDisk()
  /** The state on disk: the next build begins there. */
  base: Base = EMPTY_BASE
  records: LogRecord[] = []
  head: Head | undefined
  reads: LogRead[] = []
  /** What is to be done with checkpoints: by whoever steps the node. */
  transfers: Transfer[] = []
  readonly armed = new Set<TimerKind>()
  /** Reads that have ended, in this life and earlier ones. */
  readonly queries: QueryReady[] = []
  /** Commands given to this life so far: the next sequence. */
  proposed = 0
  /** What was ever durable here, under `instance:ballot`: votes, in all lives. */
  readonly votes = new Map<string, Value>()
  /** What this life knows chosen, from instance `knownFrom` on, and the chain before it. */
  known: Value[] = []
  knownFrom: Instance = 1
  private chainBefore = 0
  private readonly ballotLives = new Map<Ballot, number>()
  private readonly proposals = new Map<string, Value>()
  private executed = new Set<string>()

  constructor(nodeId: NodeId, voters: readonly NodeId[], options: NodeOptions) {
    this.nodeId = nodeId
    this.voters = voters
    this.options = options
    this.group = new Group(this.config(), this.disk.load())
  }

  get mustCommit(): boolean {
    return this.records.length > 0 || this.head !== undefined
  }

  /** Begins this life, with links to `peers` that come up at once. */
  start(out: Outgoing[], peers: readonly NodeId[] = this.voters): void {
    const effects = createEffects()
    this.group.start(this.now, effects)
    this.gather(effects, out)
    for (const peer of peers) if (peer !== this.nodeId) this.step(this.linkInput(peer, true), out)
    this.endRound(out)
  }

  link(peer: NodeId, up: boolean, out: Outgoing[]): void {
    this.input(this.linkInput(peer, up), out)
  }

  /** One input is one round; its commit is an action of its own, so that others may come first. */
  input(input: Input, out: Outgoing[]): void {
    this.step(input, out)
    this.endRound(out)
  }

  /** The peer's process has died and is back: its connection broke and came up again. */
  peerRestarted(peer: NodeId, out: Outgoing[]): void {
    this.step(this.linkInput(peer, false), out)
    this.step(this.linkInput(peer, true), out)
    this.endRound(out)
  }

  propose(text: string, out: Outgoing[]): void {
    const sequence = ++this.proposed
    this.input({ kind: 'propose', run: { sequence, count: 1, body: textBody(text), deadline: 1e9 } }, out)
  }

  fire(timer: TimerKind, out: Outgoing[]): void {
    this.armed.delete(timer)
    this.input({ kind: 'timer', timer }, out)
  }

  commit(out: Outgoing[]): void {
    this.write(this.head ?? this.group.head())
    this.step({ kind: 'persisted' }, out)
    this.afterCommit(out)
  }

  /** The state as it is now, when the log on disk says that it is chosen. */
  save(out: Outgoing[]): Base {
    this.step({ kind: 'save' }, out)
    while (this.mustCommit) this.commit(out)
    this.base = this.group.base()
    return this.base
  }

  /** A checkpoint takes the place of the state: the log's head, then the state, then the group is built anew from disk. */
  load(base: Base, out: Outgoing[], peers: readonly NodeId[] = this.voters): void {
    this.write(headAfterLoad(this.group.head(), base))
    this.base = base
    this.build()
    this.start(out, peers)
  }

  private write(head: Head): void {
    promiseOnlyGrows(this.nodeId, this.disk.head.promised, head.promised)
    chosenOnlyGrows(this.nodeId, this.disk.head.chosenUpTo, head.chosenUpTo)
    this.disk.write(this.records, head)
    tailIsContiguous(this.nodeId, head, (instance) => this.disk.record(instance))
    for (const { instance, ballot, value } of this.records) {
      if (ballot === 0) continue
      const key = `${instance}:${ballot}`
      const before = this.votes.get(key)
      if (before) votesOnce(this.nodeId, instance, before, value)
      this.votes.set(key, value)
    }
    this.records = []
    this.head = undefined
  }

  /** What was not durable is lost; the next life begins at once. */
  restart(out: Outgoing[], peers: readonly NodeId[] = this.voters): void {
    this.life++
    this.proposed = 0
    this.build()
    this.start(out, peers)
  }

  private build(): void {
    this.records = []
    this.head = undefined
    this.reads = []
    this.transfers = []
    this.armed.clear()
    this.known = []
    this.knownFrom = Math.max(this.disk.head.firstKept, this.base.executedUpTo + 1)
    this.chainBefore = this.base.chain
    this.executed = new Set()
    this.group = new Group(this.config(), this.disk.load(), this.base)
    this.noteKnown()
  }

  private endRound(out: Outgoing[]): void {
    this.step({ kind: 'drained' }, out)
    if (!this.mustCommit) this.afterCommit(out)
  }

  private afterCommit(out: Outgoing[]): void {
    const { group } = this
    for (let again = true; again; ) {
      again = false
      while (group.executedUpTo < group.chosenUpTo && !group.isStranded) this.execute(group.executedUpTo + 1, out)
      const reads = this.reads
      this.reads = []
      for (const { peer, session, from, upTo, maxBytes, once } of reads) {
        const values: Value[] = []
        for (let i = from, bytes = 0; i <= upTo && bytes < maxBytes; i++) {
          const record = this.disk.record(i)
          if (!record) break
          values.push(record.value)
          bytes += record.value.length
        }
        this.step({ kind: 'served', peer, session, from, once, values }, out)
        again = true
      }
      if (again) this.step({ kind: 'drained' }, out)
    }
  }

  private execute(instance: number, out: Outgoing[]): void {
    const value = this.known[instance - this.knownFrom]
    if (!value) throw new Error(`node ${this.nodeId} has no value for instance ${instance}`)
    for (const { run, verdict } of this.group.planExecution(instance, value)) {
      if (verdict !== 'execute') continue
      const key = `${run.origin}:${run.incarnation}:${run.sequence}`
      executesOnce(this.nodeId, key, this.executed.has(key))
      this.executed.add(key)
    }
    this.step({ kind: 'executed', instance }, out)
  }

  private step(input: Input, out: Outgoing[]): void {
    const effects = createEffects()
    this.group.step(input, this.now, effects)
    this.gather(effects, out)
    positionsAreOrdered(this.view())
    this.noteKnown()
  }

  private noteKnown(): void {
    const { group } = this
    while (this.knownFrom + this.known.length <= group.chosenUpTo) {
      const instance = this.knownFrom + this.known.length
      const value = group.chosenValue(instance) ?? this.disk.record(instance)?.value
      if (!value) throw new Error(`node ${this.nodeId} takes ${instance} as chosen without its value`)
      this.known.push(value)
    }
    // Where the state was lost, nothing tells the chain at which the log begins.
    if (this.knownFrom > this.base.executedUpTo + 1) return
    const head = group.head()
    let chain = this.chainBefore
    for (const value of this.known) chain = testValues.checksum(value, chain)
    chainsAgree(this.nodeId, head.chosenUpTo, chain, head.chain)
  }

  private gather(effects: ReturnType<typeof createEffects>, out: Outgoing[]): void {
    for (const record of effects.records) this.records.push(record)
    if (effects.head) this.head = effects.head
    for (const read of effects.reads) this.reads.push(read)
    for (const transfer of effects.transfers) this.transfers.push(transfer)
    for (const query of effects.queries) this.queries.push(query)
    for (const { timer, delayMs } of effects.timers) {
      if (delayMs === undefined) this.armed.delete(timer)
      else this.armed.add(timer)
    }
    for (const alarm of effects.alarms) throw new Error(`alarm ${alarm.code} at instance ${alarm.instance}`)
    for (const { to, message } of effects.sends) {
      this.checkSent(message)
      for (const peer of to) out.push({ to: peer, message })
    }
    clearEffects(effects)
  }

  private checkSent(message: Message): void {
    const { head } = this.disk
    const record = (instance: number) => this.disk.record(instance)
    if (message.kind === 'prepare') {
      prepareIsCovered(this.nodeId, message, head)
      this.uses(message.ballot)
    } else if (message.kind === 'promise') promiseIsCovered(this.nodeId, message, head)
    else if (message.kind === 'accepted') acceptedIsCovered(this.view(), message, head, record)
    else if (message.kind === 'chosen') chosenIsCovered(this.view(), message)
    else if (message.kind === 'accept') {
      this.uses(message.ballot)
      const key = `${message.instance}:${message.ballot}`
      proposesOnce(this.nodeId, message, this.proposals.get(key))
      this.proposals.set(key, message.value)
      chosenIsCovered(this.view(), message)
    }
  }

  private uses(ballot: Ballot): void {
    const first = this.ballotLives.get(ballot) ?? this.life
    this.ballotLives.set(ballot, first)
    ballotUsedOnce(this.nodeId, first, this.life)
  }

  private linkInput(peer: NodeId, up: boolean): Input {
    return { kind: 'link', peer, voterId: `v${peer}`, up }
  }

  private view() {
    const { promised, chosenUpTo, executedUpTo, lastAccepted } = this.group
    return { nodeId: this.nodeId, promised, chosenUpTo, executedUpTo, lastAccepted }
  }

  private config(): GroupConfig {
    return {
      nodeId: this.nodeId,
      voterId: `v${this.nodeId}`,
      incarnation: `n${this.nodeId}l${this.life}`,
      membership: new Membership(
        0,
        this.voters.map((nodeId) => ({ nodeId, voterId: `v${nodeId}` })),
      ),
      values: testValues,
      seed: 1,
      ...this.options,
    }
  }
}
