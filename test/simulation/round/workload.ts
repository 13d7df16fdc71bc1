import { assert } from '../../../src/base/assert.js'
import type { GroupIndex, Millis, NodeId } from '../../../src/base/numbers.js'
import { decodePayload, encodePayload } from '../../../src/codec/payload.js'
import {
  type Ended,
  QUERY_REPLY_HEAD_BYTES,
  type QueryReplyHead,
  type ReplyReader,
} from '../../../src/codec/worker-records.js'
import type { Input } from '../../../src/core/input.js'
import { readIsFresh } from '../../../src/core/invariants.js'
import { OutcomeStatus } from '../../../src/state-machine/outcome.js'
import type { Asked } from '../../../src/worker/group-callers.js'
import type { GroupHost } from '../../../src/worker/group-host.js'
import type { SourcedRun } from '../../../src/worker/own-runs.js'
import type { ReplyOutlet } from '../../../src/worker/reply-outlet.js'
import type { SimCommand, SimResult } from './machine.js'
import type { RoundWorld } from './round-world.js'
import type { SimProcess } from './sim-process.js'

type Kind = 'command' | 'quorum' | 'local'

/** Who asks: the host, or a port of the application. Each numbers its calls; here the one's stand below 0. */
export type Source = typeof HOST | typeof PORTED
export const HOST = 1
export const PORTED = -1
/** Of so many calls, one goes through the port. */
const PORT_SHARE = 3

interface Operation {
  readonly source: Source
  readonly node: NodeId
  readonly group: GroupIndex
  readonly kind: Kind
  readonly command: SimCommand
  readonly deadline: number
  /** By the node's own clock. */
  readonly askedAt: Millis
  /** For reads: how many commands were visible when it was asked for. */
  readonly visible: number
  /** And how many were answered at this node. */
  readonly ownVisible: number
  readonly ended: (outcome: string) => void
}

const LONGEST_MS = 5000
/**
 * How late after its deadline a worker may let go of an operation: slow nodes and disks lie in between, and a command may
 * be held back behind one that has its own deadline. The core looks for those once a second.
 */
const LATE_MS = LONGEST_MS + 4000
/** Where only one command at a time may wait in the core, those that were held back each take a look of their own. */
const LOOK_MS = 1000

/** Callers on every node: one operation at a time each, some tried again, then some time to think. */
export class Workload {
  readonly outcomes = new Map<string, number>()
  private readonly world: RoundWorld
  private readonly pending = new Map<string, Operation>()
  /** Sequences and tokens of each group and life of a process. */
  private readonly numbers = new Map<string, number>()
  /** Of each node and group: how many commands its callers know to be executed there since it was built. */
  private readonly ownVisible = new Map<string, number>()
  /** Per group: how many commands every quorum read that begins now has to see. */
  private readonly visible: number[] = []
  private idle: (() => void)[] = []
  private commands = 0
  private unfinished = 0
  private stopped = false

  constructor(world: RoundWorld) {
    this.world = world
  }

  /** Operations that somebody still waits for. */
  get pendingCount(): number {
    return this.pending.size + this.unfinished
  }

  start(): void {
    const { plan, random, queue } = this.world
    for (let caller = 0; caller < plan.callers; caller++) queue.after(random.between(0, 50), () => this.call())
    this.watch()
  }

  stop(): void {
    this.stopped = true
  }

  /** One command at every replica that can, which has to be executed now that nothing goes wrong any more. */
  finish(): void {
    for (const process of this.world.processes) {
      for (let group = 0; group < this.world.plan.groups; group++) {
        this.unfinished++
        this.finishAt(process, group)
      }
    }
  }

  /** The host hands something over in the middle of a round. */
  interject(process: SimProcess): void {
    const { random } = this.world
    if (this.stopped || this.idle.length === 0 || !random.chance(0.05)) return
    this.idle.pop()
    this.submit(process, random.below(this.world.plan.groups), 'command', LONGEST_MS, () => this.think())
  }

  /** What a round works on was there before it read its clock. */
  checkClock(node: NodeId, { group, callers, place }: GroupHost, input: Input, now: Millis): void {
    const last =
      input.kind === 'propose'
        ? this.pending.get(key(node, group, 'command', lastOf(input.run as SourcedRun, place.outbox)))
        : input.kind === 'read'
          ? this.pending.get(key(node, group, 'quorum', numberOf(callers.findRead(input.token), place.outbox)))
          : undefined
    if (last === undefined) return
    const early = last.askedAt - now
    assert(early <= 0, `a round at ${now} works on what came ${early.toFixed(3)} ms after its clock was read`)
  }

  replied(process: SimProcess, source: Source, reader: ReplyReader): void {
    const { nodeId } = process
    const { executed } = this.world
    const { group } = reader
    while (reader.next()) {
      const number = reader.sequence * source
      const operation = this.pending.get(key(nodeId, group, 'command', number))
      assert(operation !== undefined, `node ${nodeId} answers command ${number}, for which nobody waits`)
      const { id, reject } = operation.command
      const position = executed.positionOf(group, id)
      assert(position !== undefined, `node ${nodeId} answers ${id}, which no replica has executed`)
      const { status, flags, bytes, offset, length } = reader
      if (status === OutcomeStatus.ok) {
        assert(!reject, `${id} is to be rejected and was not`)
        const result = decodePayload(flags, bytes, offset, length) as SimResult
        assert(result.id === id && result.count === position + 1, `${id} gets the answer of ${result.id}`)
      } else if (status === OutcomeStatus.rejected) {
        const reason = Buffer.from(bytes.slice(offset, offset + length)).toString()
        assert(reject && reason === id, `${id} is rejected with ${reason}`)
      } else if (status === OutcomeStatus.unread) {
        assert(source === PORTED, `${id} of the host is said to be unread`)
        this.world.count('result unread')
      } else assert(status === OutcomeStatus.tooLarge, `${id} ends with status ${status}`)
      executed.acknowledge(group, id)
      this.raiseVisible(group, position + 1)
      this.ownVisible.set(placeKey(nodeId, group), position + 1)
      this.end(nodeId, group, 'command', number, 'executed')
    }
  }

  ended(process: SimProcess, source: Source, { group, sequence, count, outcome }: Ended): void {
    for (let i = 0; i < count; i++) {
      const number = (sequence + i) * source
      const operation = this.pending.get(key(process.nodeId, group, 'command', number))
      if (outcome === 'unproposed' && operation !== undefined) this.neverExecuted.push(operation.command)
      this.end(process.nodeId, group, 'command', number, outcome)
    }
  }

  queryReplied(
    process: SimProcess,
    source: Source,
    head: QueryReplyHead,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const { group, outcome, status, flags } = head
    const token = head.token * source
    const { nodeId } = process
    const kind: Kind = this.pending.has(key(nodeId, group, 'quorum', token)) ? 'quorum' : 'local'
    const operation = this.pending.get(key(nodeId, group, kind, token))
    if (outcome === 'answered' && operation !== undefined) {
      assert(status === OutcomeStatus.ok, `a read at node ${nodeId} ends with status ${status}`)
      const at = offset + QUERY_REPLY_HEAD_BYTES
      const seen = decodePayload(flags, bytes, at, length - QUERY_REPLY_HEAD_BYTES) as number
      if (kind === 'quorum') {
        readIsFresh(nodeId, seen, operation.visible)
        this.raiseVisible(group, seen)
      } else {
        const known = this.ownVisible.get(placeKey(nodeId, group)) ?? 0
        // A port reads its answers late: what came to be known meanwhile is later than this one.
        const own = source === HOST ? known : Math.min(known, operation.ownVisible)
        assert(seen >= own, `a local read at node ${nodeId} sees ${seen} commands, ${own} were answered there before`)
      }
      assert(seen <= this.world.executed.total(group), `a read at node ${nodeId} sees ${seen} commands`)
    }
    this.end(nodeId, group, kind, token, outcome)
  }

  /** A group that is built anew from its log shows local reads an older state until it has caught up. */
  restarted({ nodeId }: SimProcess, group: GroupIndex): void {
    this.ownVisible.delete(placeKey(nodeId, group))
  }

  /** Whatever the worker of this process had is nobody's now. */
  workerDied(process: SimProcess): void {
    const { nodeId } = process
    for (let group = 0; group < this.world.plan.groups; group++) this.restarted(process, group)
    for (const [name, operation] of [...this.pending]) {
      if (operation.node !== nodeId) continue
      this.pending.delete(name)
      this.tell(operation, 'unknown')
    }
  }

  /** A worker that has ended in good order has told everybody whose call it had read. */
  checkNobodyWaits({ nodeId, worker }: SimProcess): void {
    if (worker === undefined || worker.hasUnread) return
    for (const { node, kind, command, source } of this.pending.values()) {
      // A port hears of the end of its node from the host: its thread may have left no room for it.
      if (source === HOST)
        assert(node !== nodeId, `node ${nodeId} has stopped and not said what became of ${kind} ${command.id}`)
    }
  }

  /** At the end: what a worker said would never be executed was not. */
  checkNeverExecuted(): void {
    for (const { group, id } of this.neverExecuted) {
      const position = this.world.executed.positionOf(group, id)
      assert(position === undefined, `${id} was said never to have been proposed, and was executed`)
    }
  }

  private readonly neverExecuted: SimCommand[] = []

  private finishAt(process: SimProcess, group: GroupIndex): void {
    if (process.worker === undefined) {
      this.world.queue.after(50, () => this.finishAt(process, group))
      return
    }
    this.submit(process, group, 'command', LONGEST_MS, (outcome) => {
      // Stores and machines that failed shortly before come back after a back-off.
      if (outcome !== 'executed') this.world.queue.after(50, () => this.finishAt(process, group))
      else
        this.submit(process, group, 'quorum', LONGEST_MS, () => {
          this.unfinished--
        })
    })
  }

  private call(): void {
    const { random, plan, processes, queue } = this.world
    if (this.stopped) return
    const process = processes[random.below(processes.length)] as SimProcess
    if (process.worker === undefined) {
      queue.after(random.between(5, 50), () => this.call())
      return
    }
    const kind = random.chance(plan.readShare) ? (random.chance(0.7) ? 'quorum' : 'local') : 'command'
    const timeoutMs = random.chance(0.2) ? random.between(1, 300) : LONGEST_MS
    const group = random.below(plan.groups)
    this.submit(process, group, kind, timeoutMs, (outcome) => {
      if (outcome === 'unknown' && random.chance(0.5)) queue.after(random.between(0, 20), () => this.call())
      else this.think()
    })
  }

  private think(): void {
    const { random, plan, queue } = this.world
    const wake = () => this.call()
    this.idle.push(wake)
    queue.after(random.between(0, 2 * plan.thinkMs), () => {
      const at = this.idle.indexOf(wake)
      if (at < 0) return
      this.idle.splice(at, 1)
      wake()
    })
  }

  private submit(
    process: SimProcess,
    group: GroupIndex,
    kind: Kind,
    timeoutMs: number,
    ended: (outcome: string) => void,
  ): void {
    const { worker, nodeId, incarnation } = process
    const { random, plan, queue } = this.world
    if (worker === undefined) throw new Error('no worker to ask')
    const source = this.commands % PORT_SHARE === 0 ? PORTED : HOST
    const port = source === HOST ? worker.port : worker.ported
    const lane = `${nodeId} ${incarnation} ${group} ${source} ${kind === 'command' ? 'command' : 'read'}`
    const number = this.numbers.get(lane) ?? 1
    const length = random.chance(0.03) ? random.below(plan.limits.maxCommandBytes - 200) : random.below(100)
    const command = {
      group,
      id: `${nodeId}.${++this.commands}`,
      reject: random.chance(0.05),
      padding: ''.padEnd(length),
    }
    const askedAt = worker.now
    const deadline = askedAt + timeoutMs
    let taken: boolean
    if (kind === 'command') {
      const { flags, bytes } = encodePayload(command)
      taken = port.command(group, number, deadline, 1, flags, bytes)
    } else {
      const { flags, bytes } = encodePayload(null)
      taken = port.read(group, number, deadline, 1, kind, flags, bytes)
    }
    if (!taken) {
      this.count(`${kind} refused`)
      queue.after(random.between(1, 20), () => ended('refused'))
      return
    }
    this.numbers.set(lane, number + 1)
    this.pending.set(key(nodeId, group, kind, number * source), {
      source,
      node: nodeId,
      group,
      kind,
      command,
      deadline: queue.now + worker.elapsedMs + process.toVirtual(timeoutMs),
      askedAt,
      visible: this.visible[group] ?? 0,
      ownVisible: this.ownVisible.get(placeKey(nodeId, group)) ?? 0,
      ended,
    })
    port.publish()
    worker.wake()
  }

  private end(node: NodeId, group: GroupIndex, kind: Kind, number: number, outcome: string): void {
    const name = key(node, group, kind, number)
    const operation = this.pending.get(name)
    assert(operation !== undefined, `${kind} ${number} of group ${group} at node ${node} ends twice: ${outcome}`)
    this.checkLate(operation)
    this.pending.delete(name)
    this.tell(operation, outcome)
  }

  private tell(operation: Operation, outcome: string): void {
    this.count(`${operation.kind} ${outcome}`)
    const { command, node, group, kind } = operation
    this.world.trace(node, group, () => `${kind} ${command.id} ends: ${outcome}`)
    // Whoever is told goes on in an event of his own.
    this.world.queue.after(0, () => operation.ended(outcome))
  }

  private raiseVisible(group: GroupIndex, count: number): void {
    this.visible[group] = Math.max(this.visible[group] ?? 0, count)
  }

  private watch(): void {
    this.world.queue.after(500, () => {
      this.world.observer.check(() => {
        for (const operation of this.pending.values()) this.checkLate(operation)
      })
      this.watch()
    })
  }

  private checkLate({ node, group, kind, command, deadline }: Operation): void {
    const late = this.world.queue.now - deadline
    const what = `${kind} ${command.id} of group ${group} at node ${node}`
    assert(
      late < LATE_MS + this.world.plan.callers * LOOK_MS,
      `rule 11: ${what} is ${late.toFixed(0)} ms behind its deadline`,
    )
  }

  private count(what: string): void {
    this.outcomes.set(what, (this.outcomes.get(what) ?? 0) + 1)
  }
}

function lastOf({ calledThere, count, replies }: SourcedRun, host: ReplyOutlet): number {
  return (calledThere + count - 1) * (replies === host ? HOST : PORTED)
}

function numberOf(asked: Asked | undefined, host: ReplyOutlet): number {
  return asked === undefined ? 0 : asked.token * (asked.replies === host ? HOST : PORTED)
}

function placeKey(node: NodeId, group: GroupIndex): string {
  return `${node}/${group}`
}

function key(node: NodeId, group: GroupIndex, kind: Kind, number: number): string {
  return `${node} ${group} ${kind} ${number}`
}
