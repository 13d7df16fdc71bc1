import type { Millis } from '../base/numbers.js'
import { GatePhase, type GateReading, UserCode } from '../ring/gate-word.js'
import type { WorkerSlot } from './worker-slot.js'

export interface SupervisorBounds {
  /** Without a sign of life in user code, or in a round. */
  readonly userCodeMs: number
  /** Inside one durable commit. */
  readonly diskStallMs: number
  /** From the start of a worker until all its groups have reported. */
  readonly startMs: number
}

export type Verdict =
  /** Condemned behind its gate: its thread may be terminated. */
  | { readonly kind: 'condemned'; readonly what: string; readonly group: number }
  /** In a commit that does not end: its thread must not be touched. */
  | { readonly kind: 'stalled' }
  /** The commit has ended after all. */
  | { readonly kind: 'recovered' }

/** A host that stands still for so long lets its links and its callers down. */
const LATE_MS = 1_000

interface Watch {
  slot: WorkerSlot
  port: WorkerSlot['port']
  changes: number
  /** When the gate word last moved, by the ticks of this supervisor. */
  since: Millis
  started: Millis
  stalled: boolean
}

const USER_CODE_NAMES = Object.fromEntries(Object.entries(UserCode).map(([name, code]) => [code, name]))

/**
 * Looks at the gate words at a slow interval and says which worker is stuck. Only a worker outside a commit can be
 * condemned, by compare-and-swap against what was judged; the rest (terminate, restart) is done by the node.
 */
export class Supervisor {
  readonly intervalMs: number
  readonly #bounds: SupervisorBounds
  readonly #judge: (slot: WorkerSlot, verdict: Verdict) => void
  readonly #late: (ms: number) => void
  readonly #watches = new Map<WorkerSlot, Watch>()
  #lastTick: Millis = Number.NaN

  /** `late` hears of it when the thread of the host itself stood still. */
  constructor(
    bounds: SupervisorBounds,
    judge: (slot: WorkerSlot, verdict: Verdict) => void,
    late: (ms: number) => void = () => undefined,
  ) {
    this.#bounds = bounds
    this.#late = late
    this.#judge = judge
    const shortest = Math.min(bounds.userCodeMs, bounds.diskStallMs, bounds.startMs)
    this.intervalMs = Math.max(20, Math.min(1_000, shortest / 4))
  }

  isStalled(slot: WorkerSlot): boolean {
    return this.#watches.get(slot)?.stalled ?? false
  }

  /** One look at all slots. */
  tick(slots: readonly WorkerSlot[], now: Millis): void {
    // After a pause of this process (a debugger, SIGSTOP, a blocked application) nobody has had time to move.
    const paused = !(now - this.#lastTick < this.intervalMs * 4)
    const lateMs = now - this.#lastTick - this.intervalMs
    this.#lastTick = now
    if (lateMs > LATE_MS) this.#late(lateMs)
    for (const slot of slots) {
      if (slot.port === undefined) this.#watches.delete(slot)
      else this.#look(slot, slot.port.end.gate.read(), now, paused)
    }
  }

  #look(slot: WorkerSlot, reading: GateReading, now: Millis, paused: boolean): void {
    let watch = this.#watches.get(slot)
    if (watch === undefined || watch.port !== slot.port) {
      watch = { slot, port: slot.port, changes: reading.changes, since: now, started: now, stalled: false }
      this.#watches.set(slot, watch)
    }
    if (paused) {
      watch.since = now
      if (!slot.isReady) watch.started = now
    }
    if (reading.changes !== watch.changes) {
      watch.changes = reading.changes
      watch.since = now
      if (watch.stalled) {
        watch.stalled = false
        this.#judge(slot, { kind: 'recovered' })
      }
    }
    this.#decide(watch, reading, now)
  }

  #decide(watch: Watch, reading: GateReading, now: Millis): void {
    const still = now - watch.since
    const { slot } = watch
    if (reading.phase === GatePhase.condemned) return
    if (reading.phase === GatePhase.commit) {
      if (still < this.#bounds.diskStallMs || watch.stalled) return
      watch.stalled = true
      this.#judge(slot, { kind: 'stalled' })
      return
    }
    const late = !slot.isReady && now - watch.started >= this.#bounds.startMs
    const stuck = reading.phase !== GatePhase.parked && still >= this.#bounds.userCodeMs
    if (!late && !stuck) return
    // A replay of a long log is a slow start, but it moves.
    if (late && !stuck && still < this.#bounds.userCodeMs) return
    if (slot.port?.end.gate.tryCondemn(reading) !== true) return
    const user = reading.phase === GatePhase.user ? USER_CODE_NAMES[reading.user] : undefined
    const what =
      user !== undefined
        ? `its state machine is stuck in ${user}`
        : late
          ? 'it did not start'
          : 'its round does not end'
    this.#judge(slot, { kind: 'condemned', what, group: reading.group })
  }
}
