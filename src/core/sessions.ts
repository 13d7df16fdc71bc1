import type { Instance, NodeId } from '../base/numbers.js'
import type { CommandRun } from './command-run.js'

export type Verdict = 'execute' | 'duplicate' | 'expired' | 'opened'

/** A session as it is kept with the state: see `Session`. `done` is ascending. */
export interface SavedSession {
  readonly origin: NodeId
  readonly incarnation: string
  readonly opened: Instance
  readonly last: Instance
  readonly floor: number
  readonly done: readonly number[]
}

interface Session {
  readonly origin: NodeId
  readonly incarnation: string
  /** The instance that opened it: the name by which runs call it. */
  readonly opened: Instance
  /** The last instance that held a run of it. */
  last: Instance
  floor: number
  /** Sequences of executed runs at or above the floor. */
  readonly done: Set<number>
}

/**
 * Replicated state: which runs have been executed. Depends on the log alone, so all replicas agree. A session is named
 * by the instance that opened it: a late copy of an old "open" can therefore never bring a forgotten session back to
 * life under its old name.
 */
export class SessionTable {
  /** Least recently used first: sessions end in the order of their last command. */
  private readonly sessions = new Map<string, Session>()
  private readonly lifetime: number

  /** `lifetime`: instances without a command after which a session ends. `saved`: what `save` gave. */
  constructor(lifetime: number, saved: readonly SavedSession[] = []) {
    this.lifetime = lifetime
    for (const session of saved) {
      this.sessions.set(keyOf(session), { ...session, done: new Set(session.done) })
    }
  }

  /** All of it, least recently used first; with the same log before it the same on every replica. */
  save(): SavedSession[] {
    return [...this.sessions.values()].map((session) => ({
      ...session,
      done: [...session.done].sort((a, b) => a - b),
    }))
  }

  /** The verdict on one run at its log position. Called once per run, in log order. */
  apply(run: CommandRun, instance: Instance): Verdict {
    this.expire(instance)
    const key = keyOf(run)
    const session = this.sessions.get(key)
    if (run.session === 0) {
      if (session) return 'duplicate'
      const { origin, incarnation } = run
      this.sessions.set(key, { origin, incarnation, opened: instance, last: instance, floor: 0, done: new Set() })
      return 'opened'
    }
    if (!session || session.opened !== run.session) return 'expired'
    this.touch(key, session, instance)
    if (run.floor > session.floor) {
      session.floor = run.floor
      for (const sequence of session.done) if (sequence < session.floor) session.done.delete(sequence)
    }
    if (run.sequence < session.floor || session.done.has(run.sequence)) return 'duplicate'
    session.done.add(run.sequence)
    return 'execute'
  }

  /** Whether `run` would be skipped as executed if it were chosen now: a leader need not propose it again. */
  isDone(run: CommandRun): boolean {
    const session = this.sessions.get(keyOf(run))
    if (!session || run.session === 0) return false
    return session.opened === run.session && (run.sequence < session.floor || session.done.has(run.sequence))
  }

  /** The instance that opened the live session of this origin; 0 if it has none. */
  openedBy(origin: NodeId, incarnation: string): Instance {
    return this.sessions.get(keyOf({ origin, incarnation }))?.opened ?? 0
  }

  get size(): number {
    return this.sessions.size
  }

  private touch(key: string, session: Session, instance: Instance): void {
    if (session.last === instance) return
    session.last = instance
    this.sessions.delete(key)
    this.sessions.set(key, session)
  }

  private expire(instance: Instance): void {
    for (const [key, session] of this.sessions) {
      if (session.last + this.lifetime >= instance) return
      this.sessions.delete(key)
    }
  }
}

function keyOf({ origin, incarnation }: Pick<CommandRun, 'origin' | 'incarnation'>): string {
  return `${origin}:${incarnation}`
}
