import { mkdirSync, rmSync } from 'node:fs'
import type { Instance, Millis } from '../base/numbers.js'
import { encodeBuiltIn } from '../codec/built-in-state.js'
import { isCondemned } from '../ring/gate-word.js'
import { describeThrown } from '../state-machine/execute-failure.js'
import { writeInline } from '../store/checkpoint-inline.js'
import { inlineStatePath, saveOfMachine, savesPath } from '../store/checkpoint-layout.js'
import { alarm, textOf } from './events.js'
import type { GroupCheckpoints } from './group-checkpoints.js'
import type { GroupExecution } from './group-execution.js'
import type { GroupHost } from './group-host.js'

/** A task that does not come to read the state in so long has failed; the state goes on. */
const OPENING_MS = 10_000
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000
/** The group's thread takes a snapshot itself where the last one says that it takes no longer. */
const INLINE_MS = 3

interface Taking {
  readonly instance: Instance
  readonly since: Millis
  /** The last command that it answers. */
  readonly asked: number
  /** The task reads its snapshot: the state may be committed again. */
  opened: boolean
}

/**
 * When a checkpoint of a group is taken, and what its thread does for it: it fixes the position, between two instances,
 * and leaves the rest to a task of the host. In-memory machines are saved here only if that takes no time.
 */
export class CheckpointTaking {
  readonly #host: GroupHost
  readonly #checkpoints: GroupCheckpoints
  #taking: Taking | undefined
  #isWanted = false
  /** The last command of the host to take one, if it has not been answered; 0: none. */
  #asked = 0
  #retryAt: Millis = 0
  #retryMs: Millis = FIRST_RETRY_MS
  #beganAt: Millis = 0
  #bytes = 0
  /** What a snapshot took last; undefined: nobody knows. */
  #snapshotMs: Millis | undefined

  constructor(host: GroupHost, checkpoints: GroupCheckpoints) {
    this.#host = host
    this.#checkpoints = checkpoints
  }

  /** The group was built: a task that is under way belongs to an earlier build. */
  begin(now: Millis): void {
    this.#taking = undefined
    this.#beganAt = now
    this.#bytes = 0
  }

  executed(valueBytes: number): void {
    this.#bytes += valueBytes
  }

  /** One is to be taken as soon as it can be; `asked`: a command that has to be answered. */
  want(asked = 0): void {
    this.#isWanted = true
    if (asked > 0) this.#asked = asked
  }

  /** The policy says that it is time, or somebody asked, and it can be done in this round if the state stands there. */
  wants(now: Millis): boolean {
    const { place, phase, execution } = this.#host
    if (this.#taking !== undefined || now < this.#retryAt || phase !== 'running') return false
    if (execution === undefined || !execution.isIdle) return false
    if (!this.#isWanted && !this.#isDue(now, place.checkpoints)) return false
    if (!execution.machines.canSnapshot) {
      this.#isWanted = false
      if (this.#asked > 0) this.#refuse('an in-memory machine of the group has no snapshot and restore')
      return false
    }
    if (this.#ahead > 0) return true
    if (this.#asked > 0) this.#tell(this.#asked)
    this.#isWanted = false
    return false
  }

  /** The state may not be committed: the task must find it where the checkpoint is to be. */
  holdsState(now: Millis): boolean {
    return this.#taking !== undefined && !this.#taking.opened && now - this.#taking.since < OPENING_MS
  }

  /** When to look again whether one is to be taken; infinite: not because of the time. */
  get dueAt(): Millis {
    const { place, phase, execution } = this.#host
    const isPossible = phase === 'running' && execution?.machines.canSnapshot === true
    if (!isPossible || this.#taking !== undefined || this.#ahead <= 0) return Number.POSITIVE_INFINITY
    return this.#isWanted ? this.#retryAt : Math.max(this.#retryAt, this.#beganAt + place.checkpoints.everyMs)
  }

  /** It did not work, or cannot just now: each time the next try waits twice as long. */
  later(now: Millis): void {
    this.#retryAt = now + this.#retryMs
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2)
  }

  take(now: Millis): void {
    const { core, execution, place, group } = this.#host
    if (core === undefined || execution === undefined) return
    const instance = core.executedUpTo
    const asked = this.#asked
    this.#isWanted = false
    this.#beganAt = now
    this.#bytes = 0
    try {
      const isInline =
        execution.machines.memoryIds.length > 0 && (this.#snapshotMs ?? Number.POSITIVE_INFINITY) <= INLINE_MS
      const inlinePath = isInline ? this.#saveInline(instance, execution) : ''
      this.#saveExternal(instance, execution)
      const replay = execution.machines.memoryIds.length > 0 && !isInline
      this.#asked = 0
      this.#taking = { instance, since: now, asked, opened: !place.needsState }
      place.outbox.event(group, { kind: 'take', request: { instance, inlinePath, replay, asked } })
    } catch (error) {
      if (isCondemned(error)) throw error
      const why = textOf(`no checkpoint could be taken: ${describeThrown(error)}`)
      this.later(now)
      place.outbox.event(group, alarm('CHECKPOINT_FAILED', { message: why }))
      if (asked > 0) this.#refuse(why)
    }
  }

  onOpened(instance: Instance): void {
    if (this.#taking?.instance === instance) this.#taking.opened = true
  }

  /** True if there is a new checkpoint. */
  onEnded(instance: Instance, snapshotMs: Millis, error: string, now: Millis): boolean {
    const taking = this.#taking
    // Of an earlier build of the group: what came of it is there all the same.
    if (taking?.instance !== instance) {
      this.#checkpoints.refresh()
      return error === ''
    }
    this.#taking = undefined
    if (error !== '') {
      this.later(now)
      return false
    }
    // Of one that was saved here, this thread knows.
    if (snapshotMs > 0) this.#snapshotMs = snapshotMs
    this.#checkpoints.refresh()
    this.#retryMs = FIRST_RETRY_MS
    this.#tell(taking.asked)
    return true
  }

  /** Instances that no checkpoint covers. */
  get #ahead(): number {
    return (this.#host.core?.executedUpTo ?? 0) - (this.#checkpoints.newest?.instance ?? 0)
  }

  #isDue(now: Millis, { everyInstances, everyBytes, everyMs }: GroupHost['place']['checkpoints']): boolean {
    const ahead = this.#ahead
    return ahead > 0 && (ahead >= everyInstances || this.#bytes >= everyBytes || now - this.#beganAt >= everyMs)
  }

  #saveInline(instance: Instance, execution: GroupExecution): string {
    const { core, place } = this.#host
    const { machines } = execution
    const before = place.clock.now()
    const snapshots = execution.asUser(() =>
      machines.memoryIds.map((machine) => ({ machine, bytes: machines.snapshot(machine) })),
    )
    this.#snapshotMs = place.clock.now() - before
    const { chain, sessions } = core!.base()
    const externals = machines.externalIds.map((machine) => ({ machine, ...machines.positionOf(machine) }))
    const builtIn = encodeBuiltIn({ sessions, externals })
    mkdirSync(this.#checkpoints.directory, { recursive: true })
    const path = inlineStatePath(this.#checkpoints.directory, instance)
    writeInline(path, { position: { executedUpTo: instance, chain, digest: execution.digest, builtIn }, snapshots })
    return path
  }

  #saveExternal(instance: Instance, execution: GroupExecution): void {
    for (const id of execution.machines.externalIds) {
      const directory = saveOfMachine(savesPath(this.#checkpoints.directory, instance), id)
      rmSync(directory, { recursive: true, force: true })
      mkdirSync(directory, { recursive: true })
      execution.asUser(() => execution.machines.save(id, directory))
    }
  }

  /** Says which checkpoint there is. */
  #tell(asked: number): void {
    const { place, group } = this.#host
    const { instance = 0, manifestBytes = 0, dataBytes = 0 } = this.#checkpoints.newest ?? {}
    if (asked === this.#asked) this.#asked = 0
    place.outbox.event(group, { kind: 'checkpoint', instance, bytes: manifestBytes + dataBytes, asked })
  }

  #refuse(message: string): void {
    this.#host.place.outbox.event(this.#host.group, { kind: 'take-refused', asked: this.#asked, message })
    this.#asked = 0
  }
}
