import { assert } from '../../../src/base/assert.js'
import type { GroupIndex, NodeId } from '../../../src/base/numbers.js'
import type { DurableState, LogRecord } from '../../../src/core/durable.js'
import type { Effects } from '../../../src/core/effects.js'
import { Group } from '../../../src/core/group.js'
import type { Input } from '../../../src/core/input.js'
import {
  acceptedIsCovered,
  chosenOnlyGrows,
  knowsOnlyChosen,
  positionsAreOrdered,
  prepareIsCovered,
  promiseIsCovered,
} from '../../../src/core/invariants.js'
import type { Message } from '../../../src/core/messages.js'
import type { GroupWrite } from '../../../src/store/log-store.js'
import { TestDisk } from '../../support/core-disk.js'
import { Ledger } from '../../support/core-ledger.js'

/** Where a core lives. */
export interface CoreHome {
  readonly node: NodeId
  readonly group: GroupIndex
  /** The round that steps it must not know what came after its clock was read. */
  checkInput(input: Input, now: number): void
}

interface Watched {
  /** Counts builds of groups over all nodes: no ballot belongs to two of them. */
  readonly build: number
  chosenUpTo: number
}

/**
 * Sees every step of every core and every disk at once, and holds what the nodes do against it. What it finds goes to
 * `violated` instead of being thrown: the code under test catches what is thrown into it.
 */
export class Observer {
  readonly ledgers: Ledger[] = []
  steps = 0
  private readonly disks = new Map<string, TestDisk>()
  private readonly watched = new WeakMap<Group, Watched>()
  private readonly violated: (error: unknown) => void
  private readonly homeOf: (core: Group) => CoreHome | undefined
  private builds = 0

  constructor(
    nodes: number,
    groups: number,
    homeOf: (core: Group) => CoreHome | undefined,
    violated: (error: unknown) => void,
  ) {
    this.homeOf = homeOf
    this.violated = violated
    for (let i = 0; i < groups; i++) this.ledgers.push(new Ledger(nodes))
  }

  /** While `run` lasts, every step of a core is seen here. */
  during(run: () => void): void {
    const { step } = Group.prototype
    const observer = this
    Group.prototype.step = function (this: Group, input: Input, now: number, effects: Effects): void {
      const home = observer.homeOf(this)
      const sends = effects.sends.length
      if (home !== undefined) observer.check(() => home.checkInput(input, now))
      step.call(this, input, now, effects)
      if (home !== undefined) observer.check(() => observer.stepped(this, home, effects, sends))
    }
    try {
      run()
    } finally {
      Group.prototype.step = step
    }
  }

  check(body: () => void): void {
    try {
      body()
    } catch (error) {
      this.violated(error)
    }
  }

  /** What a node reads back at a build is what it wrote last, or the store says that it is not. */
  loaded(node: NodeId, group: GroupIndex, { head, tail }: DurableState): void {
    const disk = this.disk(node, group)
    const where = `node ${node}, group ${group}: the store gives back`
    for (const field of ['promised', 'chosenUpTo', 'lastAccepted', 'chain'] as const) {
      assert(head[field] === disk.head[field], `${where} ${field} ${head[field]}, written was ${disk.head[field]}`)
    }
    assert(tail.length === head.lastAccepted - head.chosenUpTo, `${where} a tail of ${tail.length} records`)
    for (const record of tail) this.checkRecord(where, record, disk.record(record.instance))
  }

  /** Records that a store gives back later: all of them are chosen. */
  readBack(node: NodeId, group: GroupIndex, records: readonly LogRecord[]): void {
    for (const { instance, value } of records) this.ledger(group).knows(node, instance, value)
  }

  committed(node: NodeId, writes: readonly GroupWrite[]): void {
    for (const { group, records, head } of writes) {
      // A store copies what it is given; so must whoever remembers it.
      const copies = records.map((record) => ({ ...record, value: record.value.slice() }))
      this.ledger(group).commit(node, this.disk(node, group), copies, head)
    }
  }

  /** A message leaves the process: what it says is on this node's disk by now. */
  leaves(node: NodeId, group: GroupIndex, message: Message): void {
    const disk = this.disk(node, group)
    if (message.kind === 'prepare') prepareIsCovered(node, message, disk.head)
    else if (message.kind === 'promise') promiseIsCovered(node, message, disk.head)
    else if (message.kind === 'accepted') {
      // What it said it knew chosen stands in the vote itself; by now it may know more.
      const view = { nodeId: node, promised: 0, chosenUpTo: message.chosenUpTo, executedUpTo: 0, lastAccepted: 0 }
      acceptedIsCovered(view, message, disk.head, (instance) => disk.record(instance))
    }
  }

  /** The node is another voter from now on, and has promised nothing. */
  forget(node: NodeId): void {
    for (let group = 0; group < this.ledgers.length; group++) this.disks.delete(`${node}/${group}`)
  }

  ledger(group: GroupIndex): Ledger {
    return this.ledgers[group] as Ledger
  }

  private stepped(core: Group, { node, group }: CoreHome, effects: Effects, sends: number): void {
    this.steps++
    const ledger = this.ledger(group)
    const disk = this.disk(node, group)
    let watched = this.watched.get(core)
    if (watched === undefined) {
      watched = { build: ++this.builds, chosenUpTo: 0 }
      this.watched.set(core, watched)
    }
    const { promised, chosenUpTo, executedUpTo, lastAccepted } = core
    const view = { nodeId: node, promised, chosenUpTo, executedUpTo, lastAccepted }
    positionsAreOrdered(view)
    if (chosenUpTo !== watched.chosenUpTo) {
      chosenOnlyGrows(node, watched.chosenUpTo, chosenUpTo)
      knowsOnlyChosen(node, chosenUpTo, ledger.chosenUpTo)
      watched.chosenUpTo = chosenUpTo
    }
    for (let i = sends; i < effects.sends.length; i++) {
      const { message } = effects.sends[i] as Effects['sends'][number]
      ledger.sent(view, watched.build, message, disk)
    }
  }

  private checkRecord(where: string, record: LogRecord, written: LogRecord | undefined): void {
    const { instance } = record
    assert(written !== undefined, `${where} record ${instance}, which was never written`)
    assert(record.ballot === written.ballot, `${where} record ${instance} at ballot ${record.ballot}`)
    const same = Buffer.compare(record.value, written.value) === 0
    assert(same, `${where} another value of record ${instance} than was written`)
  }

  private disk(node: NodeId, group: GroupIndex): TestDisk {
    const key = `${node}/${group}`
    let disk = this.disks.get(key)
    if (disk === undefined) {
      disk = new TestDisk()
      this.disks.set(key, disk)
    }
    return disk
  }
}
