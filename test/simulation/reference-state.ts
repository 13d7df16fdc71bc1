import type { Instance, NodeId } from '../../src/base/numbers.js'
import type { CommandRun } from '../../src/core/command-run.js'
import type { PlannedRun } from '../../src/core/execution.js'
import type { SavedSession } from '../../src/core/sessions.js'

interface Session {
  readonly opened: Instance
  last: Instance
  floor: number
  readonly done: Set<number>
  /** Its share of the digest. */
  share: number
}

/**
 * What a replica holds that has executed every instance from the first one on: the yardstick of every state that was
 * saved, carried in a checkpoint, or begun at. It keeps two numbers an instance: the runs executed, and a digest of
 * all sessions, which is a sum over them, so that an instance costs what it touches.
 */
export class ReferenceState {
  /** By instance. */
  private readonly executed: number[] = [0]
  private readonly digests: number[] = [0]
  private readonly sessions = new Map<string, Session>()
  private readonly lifetime: number
  private digest = 0

  constructor(lifetime: number) {
    this.lifetime = lifetime
  }

  get executedUpTo(): Instance {
    return this.executed.length - 1
  }

  executedAt(instance: Instance): number | undefined {
    return this.executed[instance]
  }

  digestAt(instance: Instance): number | undefined {
    return this.digests[instance]
  }

  /** The next instance, as whoever came first has planned it. */
  execute(runs: readonly PlannedRun[]): void {
    const instance = this.executed.length
    let count = this.executed[instance - 1] as number
    for (const { run, verdict } of runs) {
      if (verdict === 'execute') count++
      this.apply(run, instance)
    }
    this.executed.push(count)
    this.digests.push(this.digest)
  }

  private apply(run: CommandRun, instance: Instance): void {
    for (const [key, { last, share }] of this.sessions) {
      if (last + this.lifetime >= instance) break
      this.sessions.delete(key)
      this.digest = (this.digest - share) >>> 0
    }
    const key = `${run.origin}:${run.incarnation}`
    let session = this.sessions.get(key)
    if (run.session === 0) {
      if (session) return
      session = { opened: instance, last: instance, floor: 0, done: new Set(), share: 0 }
      this.sessions.set(key, session)
    } else {
      if (session?.opened !== run.session) return
      if (session.last !== instance) {
        this.sessions.delete(key)
        this.sessions.set(key, session)
        session.last = instance
      }
      session.floor = Math.max(session.floor, run.floor)
      for (const sequence of session.done) if (sequence < session.floor) session.done.delete(sequence)
      if (run.sequence >= session.floor) session.done.add(run.sequence)
    }
    this.digest = (this.digest - session.share) >>> 0
    session.share = shareOf(run.origin, run.incarnation, session)
    this.digest = (this.digest + session.share) >>> 0
  }
}

/** Of sessions as they were saved: the same number for the same sessions. */
export function digestOf(sessions: readonly SavedSession[]): number {
  let digest = 0
  for (const session of sessions) digest = (digest + shareOf(session.origin, session.incarnation, session)) >>> 0
  return digest
}

function shareOf(
  origin: NodeId,
  incarnation: string,
  { opened, last, floor, done }: { opened: Instance; last: Instance; floor: number; done: Iterable<number> },
): number {
  let share = mix(origin, opened)
  for (let i = 0; i < incarnation.length; i++) share = mix(share, incarnation.charCodeAt(i))
  share = mix(mix(share, last), floor)
  let all = 0
  for (const sequence of done) all = (all + mix(7, sequence)) >>> 0
  return mix(share, all)
}

function mix(a: number, b: number): number {
  let x = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x165667b1, 0xc2b2ae35)
  x ^= x >>> 15
  return Math.imul(x, 0x27d4eb2f) >>> 0
}
