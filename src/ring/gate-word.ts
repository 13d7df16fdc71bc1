/**
 * Says what a worker is doing, and decides the race between a worker that begins a native transaction and a supervisor
 * that wants to terminate the thread: a thread terminated inside a transaction hangs the process.
 *
 * One word holds the phase (low 3 bits) and a count of changes (29 bits, wraps): only the worker counts, so an unchanged
 * count means that nothing has happened, by whatever clock the supervisor notes it. Every change is a compare-and-swap
 * against the word as the worker left it, so the worker notices at its very next step that it has been condemned.
 */

export const GatePhase = { parked: 0, round: 1, user: 2, commit: 3, condemned: 4 } as const
export type GatePhase = (typeof GatePhase)[keyof typeof GatePhase]

/** Which code of the user runs in phase `user`. */
export const UserCode = { none: 0, execute: 1, query: 2, codec: 3, checkpoint: 4, restore: 5 } as const
export type UserCode = (typeof UserCode)[keyof typeof UserCode]

export const NO_GROUP = -1

const STATE = 0
const GROUP = 1
const USER = 2
const HALT = 3

const PHASE_MASK = 7
const ONE_CHANGE = 8

/** Thrown into a worker that goes on although it is condemned. It must not be caught and survived: see `halt`. */
class GateCondemned extends Error {
  readonly code = 'GATE_CONDEMNED'

  constructor() {
    super('this worker has been condemned by its supervisor')
    this.name = 'GateCondemned'
  }
}

/** The supervisor's verdict passes through every catch. By property: an error may come from another realm. */
export function isCondemned(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'GATE_CONDEMNED'
}

export function allocateGate(): SharedArrayBuffer {
  return new SharedArrayBuffer(128)
}

/** The worker's side. */
export class WorkerGate {
  private readonly words: Int32Array
  private word: number
  private beforeCommit: GatePhase = GatePhase.round

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, 4)
    this.word = Atomics.load(this.words, STATE)
  }

  /** Parked, round or user. Throws `GateCondemned`. */
  enter(phase: GatePhase, group: number = NO_GROUP, user: UserCode = UserCode.none): void {
    if (phase >= GatePhase.commit) throw new Error(`a worker cannot enter gate phase ${phase}`)
    // Before the phase: a supervisor that sees the new phase blames the right group.
    Atomics.store(this.words, GROUP, group)
    Atomics.store(this.words, USER, user)
    if (!this.tryMove(phase)) throw new GateCondemned()
  }

  /** The same phase once more: shows progress within a long round. Throws `GateCondemned`. */
  progress(): void {
    if (!this.tryMove((this.word & PHASE_MASK) as GatePhase)) throw new GateCondemned()
  }

  /** To be called before a native transaction. False: condemned; touch nothing native any more and `halt`. */
  tryBeginCommit(): boolean {
    this.beforeCommit = (this.word & PHASE_MASK) as GatePhase
    if (this.beforeCommit === GatePhase.commit) throw new Error('the gate is in a commit already')
    return this.tryMove(GatePhase.commit)
  }

  /** Back to the phase that the commit interrupted. */
  endCommit(): void {
    if ((this.word & PHASE_MASK) !== GatePhase.commit) throw new Error('the gate is in no commit')
    if (!this.tryMove(this.beforeCommit)) throw new Error('condemned inside a commit: the supervisor broke the gate')
  }

  isCondemned(): boolean {
    return (Atomics.load(this.words, STATE) & PHASE_MASK) === GatePhase.condemned
  }

  /** Waits for the termination that must follow, without running anything on the way out. */
  halt(): never {
    for (;;) Atomics.wait(this.words, HALT, 0)
  }

  private tryMove(phase: GatePhase): boolean {
    const next = ((this.word & ~PHASE_MASK) + ONE_CHANGE) | phase
    if (Atomics.compareExchange(this.words, STATE, this.word, next) !== this.word) return false
    this.word = next
    return true
  }
}

export interface GateReading {
  readonly phase: GatePhase
  /** Differs from an earlier reading's if the worker moved in between (modulo 2^29). */
  readonly changes: number
  /** What the worker said when it last entered a phase; `NO_GROUP` if nothing. */
  readonly group: number
  readonly user: UserCode
}

/** The supervisor's side, on the host. */
export class SupervisorGate {
  private readonly words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, 4)
  }

  read(): GateReading {
    const word = Atomics.load(this.words, STATE)
    return {
      phase: (word & PHASE_MASK) as GatePhase,
      changes: word >>> 3,
      group: Atomics.load(this.words, GROUP),
      user: Atomics.load(this.words, USER) as UserCode,
    }
  }

  /**
   * True: the worker is condemned, cannot enter a transaction any more, and its thread may be terminated. False: it is
   * in a commit, or it moved just now, or it is no longer where `judged` found it; it is not stuck, try again later.
   */
  tryCondemn(judged?: GateReading): boolean {
    const word = Atomics.load(this.words, STATE)
    const phase = word & PHASE_MASK
    if (phase === GatePhase.condemned) return true
    if (phase === GatePhase.commit) return false
    if (judged !== undefined && judged.changes !== word >>> 3) return false
    const condemned = (word & ~PHASE_MASK) | GatePhase.condemned
    return Atomics.compareExchange(this.words, STATE, word, condemned) === word
  }
}
