import type { GroupIndex, Millis } from '../base/numbers.js'
import type { Payload } from '../codec/payload.js'
import {
  type Consistency,
  type Ended,
  type GroupCommand,
  type GroupState,
  type GroupStatus,
  QUERY_REPLY_HEAD_BYTES,
  type QueryReplyHead,
  type ReplyReader,
} from '../codec/worker-records.js'
import type { HoldPolicy } from '../codec/worker-task.js'
import type { AdmissionBounds } from './admission.js'
import { type CallLane, Calls } from './calls.js'
import { CheckpointCalls, type CheckpointMade } from './checkpoint-calls.js'
import type { ErrorCode } from './error-codes.js'
import { cheapError, type Outcome, type PaxosError } from './paxos-error.js'
import { isPaxosError, readOutcome } from './results.js'
import type { TimerHeap } from './timer-heap.js'
import type { CallPort, WorkerPort } from './worker-port.js'

/** What a group needs of the node. */
export interface GroupSurroundings {
  readonly timers: TimerHeap
  now(): Millis
  /** Asks for a turn: records have been written that are not published. */
  wrote(): void
  /** A call was ended by its signal: whoever keeps count of those that wait looks again. */
  aborted(): void
  /** To the present life of the worker, if there is one; whether or not it is ready. */
  tune(group: GroupIndex, command: GroupCommand): void
  /** Whether this node has links to a majority of the voters, itself included. */
  reachesMajority(): boolean
}

/** How calls of one kind get into the rings of a port: `CallLane`. */
interface Writers<Port> {
  one(port: Port, ...call: Parameters<CallLane['write']>): boolean
  many(port: Port, ...call: Parameters<CallLane['writeMany']>): number
}

const READ_CONSISTENCIES = ['quorum', 'local'] as const

/**
 * One group as the host sees it: its callers, its state, and what its worker said last. A port of the application has
 * one of its own, for its callers alone.
 */
export class HostedGroup<Port extends CallPort = WorkerPort> {
  readonly index: GroupIndex
  readonly proposals: Calls
  /** One lane per consistency: a local read does not stand behind a quorum. */
  readonly reads: ReadonlyMap<Consistency, Calls>
  readonly checkpoints: CheckpointCalls
  status: GroupStatus | undefined
  state: GroupState = 'starting'
  /** Why the group does not work, for its callers; undefined while it does, or will by itself. */
  failure: { readonly code: ErrorCode; readonly message: string } | undefined
  stopped = false
  /** The worker's present life; undefined between two lives. */
  port: Port | undefined
  /** By kind: what the application has set, and each life of the worker must know. */
  readonly #standing = new Map<GroupCommand['kind'], GroupCommand>()
  #hold: Partial<HoldPolicy> = {}
  readonly #around: GroupSurroundings

  constructor(index: GroupIndex, bounds: AdmissionBounds, around: GroupSurroundings) {
    this.index = index
    this.#around = around
    this.proposals = this.#calls('command', bounds, {
      one: (port, sequence, deadline, machineId, flags, bytes) =>
        port.command(index, sequence, deadline, machineId, flags, bytes),
      many: (port, sequence, deadline, machineId, payloads, from) =>
        port.commands(index, sequence, deadline, machineId, payloads, from),
    })
    this.checkpoints = new CheckpointCalls((asked) => around.tune(index, { kind: 'take', asked }))
    this.reads = new Map(
      READ_CONSISTENCIES.map((consistency, lane) => [
        consistency,
        this.#calls('read', bounds, this.#readWriters(consistency, lane)),
      ]),
    )
  }

  /** For a life of the worker that begins. */
  get standingCommands(): Iterable<GroupCommand> {
    return this.#standing.values()
  }

  pauseTrimming(paused: boolean): void {
    this.#stand({ kind: 'trimming', paused })
  }

  setHold(hold: Partial<HoldPolicy>): void {
    this.#hold = { ...this.#hold, ...hold }
    this.#stand({ kind: 'hold', hold: this.#hold })
  }

  checkpoint(): Promise<CheckpointMade> {
    const refusal = this.#refusal() ?? (this.port === undefined ? this.#restarted(undefined) : undefined)
    return refusal === undefined ? this.checkpoints.ask() : Promise.reject(refusal)
  }

  /** Takes what waits to the worker as far as there is room. */
  flush(): void {
    if (this.port === undefined) return
    if (this.proposals.queued > 0) this.proposals.flush()
    for (const lane of this.reads.values()) if (lane.queued > 0) lane.flush()
  }

  get hasQueued(): boolean {
    if (this.proposals.queued > 0) return true
    for (const lane of this.reads.values()) if (lane.queued > 0) return true
    return false
  }

  get hasWaiting(): boolean {
    if (this.hasQueued || this.proposals.handed > 0) return true
    for (const lane of this.reads.values()) if (lane.handed > 0) return true
    return false
  }

  /** A REPLY record, already read up to its head. */
  replied(reader: ReplyReader, now: Millis): void {
    const { proposals } = this
    const { instance } = reader
    while (reader.next()) {
      const { sequence, index } = reader
      const result = readOutcome(reader.status, reader.flags, reader.bytes, reader.offset, reader.length, 'applied')
      if (isPaxosError(result)) proposals.fail(sequence, result, now)
      else proposals.answer(sequence, { instance, index, result }, now)
    }
  }

  queryReplied(head: QueryReplyHead, bytes: Uint8Array, offset: number, length: number, now: Millis): void {
    const lane = this.reads.get(READ_CONSISTENCIES[head.token % READ_CONSISTENCIES.length] as Consistency) as Calls
    const token = Math.floor(head.token / READ_CONSISTENCIES.length)
    if (lane.table.get(token) === undefined) return
    if (head.outcome === 'no-quorum') {
      lane.fail(
        token,
        cheapError('NO_QUORUM', `group ${this.index}: no majority answered the read in time`),
        now,
        false,
      )
    } else if (head.outcome === 'restarted') {
      lane.fail(token, this.#restarted(undefined), now, false)
    } else {
      const at = offset + QUERY_REPLY_HEAD_BYTES
      const answer = readOutcome(head.status, head.flags, bytes, at, length - QUERY_REPLY_HEAD_BYTES, undefined)
      if (isPaxosError(answer)) lane.fail(token, answer, now)
      else lane.answer(token, { instance: 0, index: 0, result: answer }, now)
    }
  }

  ended({ sequence, count, outcome }: Ended, now: Millis): void {
    const error =
      outcome === 'dropped'
        ? this.#expired('command', 'unknown')
        : this.#restarted(outcome === 'unproposed' ? 'not-applied' : 'unknown')
    for (let k = 0; k < count; k++) this.proposals.fail(sequence + k, error, now, false)
  }

  /** The worker's life is over: what it had ends, what waits here waits for the next one. */
  workerLost(): void {
    this.port = undefined
    this.proposals.failHanded(this.#restarted('unknown'))
    for (const lane of this.reads.values()) lane.failHanded(this.#restarted(undefined))
    this.checkpoints.endAll(this.#restarted(undefined))
  }

  /** Nothing comes any more. */
  endAll(error: (outcome: Outcome) => PaxosError): void {
    for (const calls of [this.proposals, ...this.reads.values()]) {
      calls.failQueued(error)
      calls.failHanded(error('unknown'))
    }
    this.checkpoints.endAll(error('unknown'))
  }

  /** Ends the calls that wait here, when the group will not work again by itself. */
  endQueued(error: (outcome: Outcome) => PaxosError): void {
    for (const calls of [this.proposals, ...this.reads.values()]) calls.failQueued(error)
    this.checkpoints.endAll(error('not-applied'))
  }

  #stand(command: GroupCommand): void {
    this.#standing.set(command.kind, command)
    this.#around.tune(this.index, command)
  }

  #calls(what: 'command' | 'read', bounds: AdmissionBounds, writers: Writers<Port>): Calls {
    const around = this.#around
    const lane: CallLane = {
      what,
      write: (sequence, deadline, machineId, flags, bytes) => {
        around.wrote()
        return this.port !== undefined && writers.one(this.port, sequence, deadline, machineId, flags, bytes)
      },
      writeMany: (sequence, deadline, machineId, payloads, from) => {
        around.wrote()
        return this.port === undefined ? 0 : writers.many(this.port, sequence, deadline, machineId, payloads, from)
      },
      refusal: () => this.#refusal(),
      expired: (outcome: Outcome) => this.#expired(what, outcome),
      aborted: () => around.aborted(),
    }
    return new Calls(lane, bounds, around.timers, () => around.now())
  }

  #readWriters(consistency: Consistency, lane: number): Writers<Port> {
    const { index } = this
    const one: Writers<Port>['one'] = (port, token, deadline, machineId, flags, bytes) =>
      port.read(index, laneToken(token, lane), deadline, machineId, consistency, flags, bytes)
    return {
      one,
      many: (port, token, deadline, machineId, payloads, from) => {
        const { flags, bytes } = payloads[from] as Payload
        return one(port, token, deadline, machineId, flags, bytes) ? 1 : 0
      },
    }
  }

  #refusal(): PaxosError | undefined {
    if (this.stopped) return cheapError('NODE_STOPPED', 'the node has been stopped', { outcome: 'not-applied' })
    if (this.failure === undefined) return undefined
    return cheapError(this.failure.code, this.failure.message, { outcome: 'not-applied' })
  }

  #expired(what: 'command' | 'read', outcome: Outcome): PaxosError {
    const details = what === 'command' ? { outcome } : {}
    if (!this.#around.reachesMajority()) {
      return cheapError(
        'NO_QUORUM',
        `group ${this.index}: no link to a majority of the voters, and the deadline passed`,
        details,
      )
    }
    return cheapError('TIMEOUT', `group ${this.index}: the deadline passed`, details)
  }

  #restarted(outcome: Outcome | undefined): PaxosError {
    const details = outcome === undefined ? {} : { outcome }
    // A port of the application may hear that its group has ended before it hears why.
    if (this.stopped) return cheapError('NODE_STOPPED', 'the node has been stopped', details)
    return cheapError('GROUP_RESTARTED', `group ${this.index} is restarted from its log on this node`, details)
  }
}

/** The lane stands in the token, so that its answer finds the way back. */
function laneToken(token: number, lane: number): number {
  return token * READ_CONSISTENCIES.length + lane
}
