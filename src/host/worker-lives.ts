import type { Millis } from '../base/numbers.js'
import { WORKER_COUNTERS } from '../codec/worker-counters.js'
import type { WorkerThreadTask } from '../codec/worker-task.js'
import { TIMER_KINDS } from '../core/timers.js'
import { allocateWorkerMemory, type WorkerMemory } from '../ring/worker-memory.js'
import type { ErrorCode } from './error-codes.js'
import { codeOf, PaxosError, toPaxosError } from './paxos-error.js'
import { Supervisor, type SupervisorBounds, type Verdict } from './supervisor.js'
import type { TimerHeap } from './timer-heap.js'
import type { WorkerPool } from './worker-pool.js'
import type { PortBounds } from './worker-port.js'
import type { WorkerSlot } from './worker-slot.js'

export interface LivesOptions {
  readonly pool: WorkerPool
  readonly slots: readonly WorkerSlot[]
  readonly timers: TimerHeap
  readonly hostBell: SharedArrayBuffer
  readonly ringBytes: { readonly control: number; readonly command: number; readonly outbox: number }
  readonly portBounds: PortBounds
  readonly bounds: SupervisorBounds
  /** How many stages of each group its worker notes. */
  readonly stages: number
  /** The longest pause before a worker that keeps failing is started again. */
  readonly maxRestartMs: number
  now(): Millis
  taskOf(slot: WorkerSlot, memory: WorkerMemory, portChanges: PortEnd): WorkerThreadTask<WorkerMemory>
  readonly events: LifeEvents
}

/** What the node hears of its workers' lives. */
export interface LifeEvents {
  /** A worker has begun, its rings are new: tell it what it must know (links). */
  began(slot: WorkerSlot): void
  /** All groups of it have reported. */
  ready(slot: WorkerSlot): void
  /** It ended, and will be started again after `retryMs`. */
  lost(slot: WorkerSlot, error: PaxosError, retryMs: number): void
  /** The thread of the host stood still for so long. */
  late(ms: number): void
  stalled(slot: WorkerSlot): void
  recovered(slot: WorkerSlot): void
}

type PortEnd = InstanceType<typeof MessagePort>

const FIRST_RETRY_MS = 100
/** A worker that lived this long starts its back-off afresh. */
const GOOD_LIFE_MS = 60_000

interface Life {
  readonly slot: WorkerSlot
  readonly timer: number
  failures: number
  beganAt: Millis
  ready: boolean
  /** Resolves and rejects `firstStart`. */
  starting: { resolve: () => void; reject: (error: PaxosError) => void } | undefined
}

/** Starts the workers, and starts them again: from disk, with new rings, after a back-off. */
export class WorkerLives {
  readonly supervisor: Supervisor
  readonly #options: LivesOptions
  readonly #lives = new Map<WorkerSlot, Life>()
  #watch: NodeJS.Timeout | undefined
  #stopping = false
  #opened = false

  constructor(options: LivesOptions) {
    this.#options = options
    this.supervisor = new Supervisor(
      options.bounds,
      (slot, verdict) => this.#judged(slot, verdict),
      (ms) => options.events.late(ms),
    )
    for (const slot of options.slots) {
      const timer = options.timers.slot(() => void this.#begin(slot))
      this.#lives.set(slot, { slot, timer, failures: 0, beganAt: 0, ready: false, starting: undefined })
    }
  }

  /** Resolves when every group of every worker runs; rejects with why the first one did not start. */
  async start(): Promise<void> {
    const { slots, now } = this.#options
    this.#watch = setInterval(() => this.supervisor.tick(slots, now()), this.supervisor.intervalMs)
    this.#watch.unref()
    const firstStarts = [...this.#lives.values()].map(
      (life) =>
        new Promise<void>((resolve, reject) => {
          life.starting = { resolve, reject }
          void this.#begin(life.slot)
        }),
    )
    await Promise.all(firstStarts)
  }

  /** Lets commands and messages in: at once where a worker is ready, else when it is. */
  open(): void {
    this.#opened = true
    // One that was ready may have ended since: its next life opens by itself.
    for (const { slot, ready } of this.#lives.values()) if (ready && slot.port !== undefined) slot.open()
  }

  /** To be called when a worker has reported something. */
  reported(slot: WorkerSlot): void {
    const life = this.#lives.get(slot) as Life
    if (life.ready || !slot.isReady) return
    life.ready = true
    if (this.#opened) slot.open()
    life.starting?.resolve()
    life.starting = undefined
    this.#options.events.ready(slot)
  }

  /** A worker that cannot go on: its ring is corrupt. */
  condemn(slot: WorkerSlot, code: ErrorCode, what: string): void {
    if (slot.port?.end.gate.tryCondemn() !== true) return
    this.#terminate(slot, new PaxosError(code, `worker ${slot.index}: ${what}`))
  }

  /**
   * Asks all workers to return and waits; those that do not in time are condemned and terminated. Returns the slots that
   * are inside a commit after all that: they cannot be ended but with the process.
   */
  async stop(graceMs: number): Promise<readonly WorkerSlot[]> {
    this.#stopping = true
    const { slots, timers, now } = this.#options
    for (const life of this.#lives.values()) timers.clear(life.timer)
    const running = slots.filter((slot) => slot.task !== undefined)
    const deadline = now() + graceMs
    await Promise.all(running.map((slot) => this.#stopOne(slot, deadline)))
    await this.#options.pool.threadsGone()
    clearInterval(this.#watch)
    return slots.filter((slot) => slot.task !== undefined)
  }

  async #stopOne(slot: WorkerSlot, deadline: Millis): Promise<void> {
    const { now, bounds } = this.#options
    const ended = slot.task?.ended.catch(() => undefined)
    let asked = false
    // The first sleep is short: a healthy worker returns at once.
    for (let waitMs = 1; slot.task !== undefined; waitMs = Math.min(50, waitMs * 2)) {
      if (!asked && slot.port?.stop() === true) {
        asked = true
        slot.port.publish()
      }
      await Promise.race([ended, sleep(waitMs)])
      if (slot.task === undefined) return
      if (now() < deadline) continue
      if (slot.port?.end.gate.tryCondemn() === true) {
        this.#terminate(slot, new PaxosError('NODE_STOPPED', `worker ${slot.index} did not stop in time`))
        return
      }
      if (now() >= deadline + bounds.diskStallMs) return
    }
  }

  async #begin(slot: WorkerSlot): Promise<void> {
    try {
      await this.#beginLife(slot)
    } catch (error) {
      // No memory for its rings, or a task that cannot be cloned.
      const life = this.#lives.get(slot) as Life
      const failed = asError(error, `worker ${slot.index}`)
      if (life.starting === undefined) this.#retry(life, failed)
      else life.starting.reject(failed)
    }
  }

  async #beginLife(slot: WorkerSlot): Promise<void> {
    const { pool, hostBell, ringBytes, stages, portBounds, taskOf, now, events } = this.#options
    // Its stores are locked by the thread that had them before.
    await pool.threadsGone()
    if (this.#stopping) return
    const memory = allocateWorkerMemory({
      controlBytes: ringBytes.control,
      commandBytes: ringBytes.command,
      outboxBytes: ringBytes.outbox,
      groups: slot.groups.length,
      timersPerGroup: TIMER_KINDS.length,
      counterNames: WORKER_COUNTERS,
      stages,
      hostBell,
    })
    const life = this.#lives.get(slot) as Life
    life.beganAt = now()
    life.ready = false
    const { port1, port2 } = new MessageChannel()
    const task = pool.run(taskOf(slot, memory, port2), [port2])
    slot.begin(memory, task, port1, portBounds)
    events.began(slot)
    const what = `worker ${slot.index}`
    task.ended.then(
      () => this.#ended(slot, task, new PaxosError('WORKER_FAILED', `${what} returned although nobody asked it to`)),
      (cause) => this.#ended(slot, task, asError(cause, what)),
    )
  }

  #judged(slot: WorkerSlot, verdict: Verdict): void {
    const { events } = this.#options
    if (verdict.kind === 'stalled') events.stalled(slot)
    else if (verdict.kind === 'recovered') events.recovered(slot)
    else {
      const group = verdict.group >= 0 ? `, group ${verdict.group}` : ''
      this.#terminate(slot, new PaxosError('WORKER_STUCK', `worker ${slot.index}${group}: ${verdict.what}`))
    }
  }

  /** Only for a condemned worker. */
  #terminate(slot: WorkerSlot, error: PaxosError): void {
    const { task } = slot
    if (task === undefined) return
    task.terminate()
    this.#ended(slot, task, error)
  }

  #ended(slot: WorkerSlot, task: WorkerSlot['task'], error: PaxosError): void {
    // The end of a life that has been replaced, or was ended by its termination.
    if (slot.task !== task) return
    // What it said last (a failure, the results of its last round) counts.
    try {
      slot.drain()
    } catch {
      // A corrupt ring has nothing more to say.
    }
    slot.end()
    if (this.#stopping) return
    const life = this.#lives.get(slot) as Life
    const { starting } = life
    life.starting = undefined
    if (starting !== undefined) starting.reject(error)
    else this.#retry(life, error)
  }

  #retry(life: Life, error: PaxosError): void {
    const { now, timers, events, maxRestartMs } = this.#options
    if (life.ready && now() - life.beganAt > GOOD_LIFE_MS) life.failures = 0
    const retryMs = Math.min(maxRestartMs, FIRST_RETRY_MS * 2 ** Math.min(life.failures, 30))
    life.failures++
    timers.set(life.timer, now() + retryMs)
    events.lost(life.slot, error, retryMs)
  }
}

/** Errors of a thread lose their class on the way, and keep code and message. */
function asError(cause: unknown, what: string): PaxosError {
  const { code, message } = toPaxosError(cause, 'WORKER_FAILED')
  const outOfMemory = codeOf(cause) === 'ERR_WORKER_OUT_OF_MEMORY'
  return new PaxosError(outOfMemory ? 'WORKER_OUT_OF_MEMORY' : code, `${what}: ${message}`, { cause })
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
