import type { Millis } from '../base/numbers.js'
import { Queue } from '../base/queue.js'
import { copyOf } from '../codec/own-bytes.js'
import { Admission, type AdmissionBounds } from './admission.js'
import { CallTable } from './call-table.js'
import { cheapError, type Outcome, PaxosError } from './paxos-error.js'
import { type Answer, type Payload, Pending } from './pending.js'
import type { TimerHeap } from './timer-heap.js'

/** Where the calls of one kind of one group go: the command ring, or the control ring. */
export interface CallLane {
  /** For messages: `command` or `read`. */
  readonly what: string
  /** Puts one command or query into the ring; false when there is no room, or no worker. The bytes are copied. */
  write(sequence: number, deadline: Millis, machineId: number, flags: number, bytes: Uint8Array): boolean
  /**
   * The same for as many of a call's payloads as fit at once, from the one at `from` on; `sequence` is of that one.
   * Returns how many; 0: no room.
   */
  writeMany(sequence: number, deadline: Millis, machineId: number, payloads: readonly Payload[], from: number): number
  /** Why nothing comes in now; undefined: come in. */
  refusal(): PaxosError | undefined
  /** What a caller gets whose deadline passed. */
  expired(outcome: Outcome): PaxosError
  /** A call was ended by its signal, and no turn need follow. */
  aborted(): void
}

export interface CallOptions {
  /** The clock as the call came: reading it is a tenth of what a command costs. */
  readonly now: Millis
  readonly deadline: Millis
  readonly signal: AbortSignal | undefined
  readonly machineId: number
}

/**
 * The calls of one kind to one group, from admission to their end. What the ring has no room for waits here, where a
 * deadline or an abort can still take it out as never applied; what is in the ring belongs to the worker.
 */
export class Calls {
  readonly table = new CallTable()
  readonly admission: Admission
  readonly #lane: CallLane
  readonly #timers: TimerHeap
  readonly #slot: number
  readonly #now: () => Millis
  #queue = new Queue<Pending>()
  #queuedCommands = 0
  #dead = 0
  #armedAt = Number.POSITIVE_INFINITY

  constructor(lane: CallLane, bounds: AdmissionBounds, timers: TimerHeap, now: () => Millis) {
    this.#lane = lane
    this.admission = new Admission(bounds)
    this.#timers = timers
    this.#now = now
    this.#slot = timers.slot(() => this.#expire())
  }

  /** Calls in the host's queue, which no worker has seen. */
  get queued(): number {
    return this.#queuedCommands
  }

  /** Entries of the queue, those that have ended included. */
  get queueLength(): number {
    return this.#queue.length
  }

  /** Commands that the worker has and that have not ended. */
  get handed(): number {
    return this.table.live
  }

  /** `bytes` may be an encoder's own: they are copied before this returns. */
  submit(flags: number, bytes: Uint8Array, options: CallOptions): Promise<Answer> {
    const { now } = options
    const refusal = this.#refusal(1, bytes.length, options, now)
    if (refusal !== undefined) return Promise.reject(refusal)
    const { deadline, machineId, signal } = options
    const promise = new Promise<Answer>(keepEnds)
    const pending = new Pending(1, bytes.length, now, deadline, machineId, false, keptResolve, keptReject)
    if (signal !== undefined) this.#listen(pending, signal)
    this.admission.enter(1, bytes.length, now)
    if (deadline < this.#armedAt) this.#arm(deadline)
    if (this.#queue.length === 0 && this.#lane.write(this.table.next, deadline, machineId, flags, bytes)) {
      pending.first = this.table.add(pending)
      pending.handed = 1
      return promise
    }
    pending.payloads = [owned({ flags, bytes })]
    this.#queue.push(pending)
    this.#queuedCommands++
    return promise
  }

  /** All in one promise that always resolves once they are admitted. What has to wait is copied. */
  submitMany(payloads: readonly Payload[], options: CallOptions): Promise<(Answer | { error: PaxosError })[]> {
    const { now } = options
    let bytes = 0
    for (const payload of payloads) bytes += payload.bytes.length
    const refusal = this.#refusal(payloads.length, bytes, options, now)
    if (refusal !== undefined) return Promise.reject(refusal)
    if (payloads.length === 0) return Promise.resolve([])
    const { deadline, machineId, signal } = options
    const promise = new Promise<(Answer | { error: PaxosError })[]>(keepEnds)
    const pending = new Pending(payloads.length, bytes, now, deadline, machineId, true, keptResolve, keptReject)
    pending.payloads = payloads
    if (signal !== undefined) this.#listen(pending, signal)
    this.admission.enter(payloads.length, bytes, now)
    if (deadline < this.#armedAt) this.#arm(deadline)
    this.#queue.push(pending)
    this.#queuedCommands += payloads.length
    if (this.#queue.length === 1) this.flush()
    if (pending.handed < pending.count) pending.payloads = payloads.map(owned)
    return promise
  }

  /** Hands over what the ring has room for. */
  flush(): void {
    for (let pending = this.#queue.peek(); pending !== undefined; pending = this.#queue.peek()) {
      if (pending.done) this.#dead--
      else if (!this.#hand(pending)) return
      this.#queue.shift()
    }
  }

  /** The answer to `sequence`: the worker's word, or nothing to do if its caller has gone. */
  answer(sequence: number, answer: Answer, now: Millis): void {
    const pending = this.table.take(sequence)
    if (pending === undefined) return
    if (pending.answers === undefined) {
      this.#close(pending)
      this.admission.leave(1, pending.bytes, true, now)
      pending.resolve(answer as never)
    } else this.#settleOne(pending, sequence - pending.first, answer, true, now)
  }

  fail(sequence: number, error: PaxosError, now: Millis, answered = true): void {
    const pending = this.table.take(sequence)
    if (pending === undefined) return
    if (pending.answers === undefined) {
      this.#close(pending)
      this.admission.leave(1, pending.bytes, answered, now)
      pending.reject(error)
    } else this.#settleOne(pending, sequence - pending.first, { error }, answered, now)
  }

  /** Everything the worker had ends so; what still waits here goes on waiting. */
  failHanded(error: PaxosError): void {
    const now = this.#now()
    const sequences: number[] = []
    this.table.forEach((_, sequence) => {
      sequences.push(sequence)
    })
    for (const sequence of sequences) this.fail(sequence, error, now, false)
  }

  /** Every call that waits here ends: what of it waits as never applied, what the worker has already as unknown. */
  failQueued(errorFor: (outcome: Outcome) => PaxosError): void {
    const waiting: Pending[] = []
    for (let i = 0; i < this.#queue.length; i++) waiting.push(this.#queue.at(i) as Pending)
    for (const pending of waiting) if (!pending.done) this.#give(pending, errorFor)
    this.flush()
  }

  #refusal(count: number, bytes: number, options: CallOptions, now: Millis): PaxosError | undefined {
    if (options.signal?.aborted === true) return aborted(options.signal, 'not-applied')
    const refusal = this.#lane.refusal()
    if (refusal !== undefined) return refusal
    const oldest = this.table.oldest ?? this.#queue.peek()
    const retryAfterMs = this.admission.refusal(count, bytes, now, oldest?.since ?? now)
    if (retryAfterMs === 0) return undefined
    const { waiting } = this.admission
    const message = `${waiting} calls wait for this group; try again in ${retryAfterMs} ms`
    return cheapError('OVERLOADED', message, { outcome: 'not-applied', retryAfterMs })
  }

  #hand(pending: Pending): boolean {
    const payloads = pending.payloads as readonly Payload[]
    const { deadline, machineId } = pending
    while (pending.handed < pending.count) {
      const first = this.table.next
      const written = this.#lane.writeMany(first, deadline, machineId, payloads, pending.handed)
      if (written === 0) return false
      for (let k = 0; k < written; k++) this.table.add(pending)
      if (pending.first === 0) pending.first = first
      pending.handed += written
      this.#queuedCommands -= written
    }
    pending.payloads = undefined
    return true
  }

  /** Of a call of many, which leaves admission as a whole. */
  #settleOne(pending: Pending, k: number, end: Answer | { error: PaxosError }, answered: boolean, now: Millis): void {
    const answers = pending.answers as unknown[]
    answers[k] = end
    pending.settled++
    if (answered) pending.answered++
    if (pending.settled < pending.count) return
    this.admission.leave(pending.answered, pending.bytes, true, now)
    if (pending.answered < pending.count) this.admission.leave(pending.count - pending.answered, 0, false, now)
    this.#close(pending)
    pending.resolve(answers as never)
  }

  /** Ends a call as a whole: what of it is not answered yet gets the error that `errorFor` makes of its outcome. */
  #give(pending: Pending, errorFor: (outcome: Outcome) => PaxosError): void {
    const now = this.#now()
    const left = pending.count - pending.handed
    this.#queuedCommands -= left
    // It stands in the queue until a flush passes it.
    if (left > 0) this.#dead++
    if (pending.answers === undefined) {
      if (pending.first > 0) this.table.take(pending.first)
      this.#close(pending)
      this.admission.leave(1, pending.bytes, false, now)
      pending.reject(errorFor(pending.first > 0 ? 'unknown' : 'not-applied'))
    } else {
      const handed = pending.handed
      const unknown = errorFor('unknown')
      const never = errorFor('not-applied')
      for (let k = 0; k < handed; k++) {
        if (pending.answers[k] !== undefined) continue
        this.table.take(pending.first + k)
        this.#settleOne(pending, k, { error: unknown }, false, now)
      }
      for (let k = handed; k < pending.count; k++) this.#settleOne(pending, k, { error: never }, false, now)
    }
    // Without anybody who waits no flush comes by, and a new call must not stand behind the dead.
    const isUseless = this.#queuedCommands === 0 || (this.#dead > 64 && this.#dead * 2 > this.#queue.length)
    if (this.#dead > 0 && isUseless) this.#sweep()
  }

  #close(pending: Pending): void {
    pending.done = true
    pending.payloads = undefined
    if (pending.release === undefined) return
    pending.release()
    pending.release = undefined
  }

  #sweep(): void {
    const kept = new Queue<Pending>()
    for (let pending = this.#queue.shift(); pending !== undefined; pending = this.#queue.shift()) {
      if (!pending.done) kept.push(pending)
    }
    this.#queue = kept
    this.#dead = 0
  }

  #listen(pending: Pending, signal: AbortSignal): void {
    const onAbort = () => {
      if (pending.done) return
      this.#give(pending, (outcome) => aborted(signal, outcome))
      this.#lane.aborted()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    pending.release = () => signal.removeEventListener('abort', onAbort)
  }

  #arm(deadline: Millis): void {
    this.#armedAt = deadline
    this.#timers.set(this.#slot, deadline)
  }

  /** One look at all who wait: deadlines are looked for only when the earliest one passes, not kept in order. */
  #expire(): void {
    const now = this.#now()
    const passed: Pending[] = []
    const note = (pending: Pending) => {
      if (passed[passed.length - 1] !== pending) passed.push(pending)
    }
    let earliest = this.table.scanDeadlines(now, note)
    for (let i = 0; i < this.#queue.length; i++) {
      const pending = this.#queue.at(i) as Pending
      if (pending.done) continue
      if (pending.deadline <= now) note(pending)
      else if (pending.deadline < earliest) earliest = pending.deadline
    }
    for (const pending of passed) if (!pending.done) this.#give(pending, (outcome) => this.#lane.expired(outcome))
    this.#armedAt = Number.POSITIVE_INFINITY
    // A look costs a pass over all who wait: one per millisecond is as fine as the OS timer is.
    if (earliest < Number.POSITIVE_INFINITY) this.#arm(Math.max(earliest, now + 1))
  }
}

/**
 * The ends of the promise made last. One function for all of them: one for each would be memory that lives as long as its
 * call, and code to be looked for at each.
 */
let keptResolve: (value: never) => void
let keptReject: (error: PaxosError) => void

function keepEnds(resolve: (value: never) => void, reject: (error: PaxosError) => void): void {
  keptResolve = resolve
  keptReject = reject
}

/** The caller may write over its bytes when the call has returned. */
function owned({ flags, bytes }: Payload): Payload {
  return { flags, bytes: copyOf(bytes, 0, bytes.length) }
}

function aborted(signal: AbortSignal, outcome: Outcome): PaxosError {
  return new PaxosError('ABORTED', 'the call was aborted by its signal', { outcome, cause: signal.reason })
}
