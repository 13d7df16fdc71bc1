import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Instance, Millis } from '../base/numbers.js'
import type { GroupCommand } from '../codec/worker-records.js'
import type { Transfer } from '../core/effects.js'
import type { Group } from '../core/group.js'
import type { MachineHome } from '../state-machine/machine-set.js'
import { CheckpointReader } from '../store/checkpoint-reader.js'
import { clearRemoved } from '../store/checkpoint-removal.js'
import type { StateWrite } from '../store/state-store.js'
import { isStoreError, StoreError } from '../store/store-error.js'
import { CheckpointLoading } from './checkpoint-loading.js'
import { CheckpointTaking } from './checkpoint-taking.js'
import { alarm, textOf } from './events.js'
import { tellOfExternals } from './external-alarms.js'
import { GroupCheckpoints } from './group-checkpoints.js'
import type { GroupHost } from './group-host.js'
import { chooseStart, type GroupStart, type KeptState, keptState } from './group-start.js'
import { IncomingTransfer, type Stored } from './incoming-transfer.js'
import { LogTrimming } from './log-trimming.js'
import { machineHome } from './machine-home.js'
import { Scrub } from './scrub.js'
import { StateCommits } from './state-commits.js'

/** How often a group that executes is looked over: whether the log can be trimmed, whether space is short. */
const LOOK_MS = 1000
/** What a checkpoint must save against streaming the log: it interrupts its taker. */
const MIN_SAVING_BYTES = 16 * 1024 * 1024
/** A slice of a removed checkpoint that is deleted, and the pause between two of them. */
const TIDY_BYTES = 2 * 1024 * 1024
const TIDY_MS = 50

/** Where the files of one group are. */
export interface GroupPaths {
  readonly checkpoints: string
  /** Of the external machines of the whole store. */
  readonly external: string
}

/**
 * What outlives the log of one group: where it begins, when its state is committed, checkpoints, and what is trimmed
 * behind them. Each has its own file; here they are told of what happens in the group.
 */
export class GroupKeeper {
  readonly commits: StateCommits
  readonly #host: GroupHost
  readonly #paths: GroupPaths
  readonly #checkpoints: GroupCheckpoints
  readonly #taking: CheckpointTaking
  readonly #loading: CheckpointLoading
  readonly #trimming: LogTrimming
  readonly #incoming: IncomingTransfer
  readonly #scrub: Scrub
  /** The checkpoint that the core knows. */
  #toldId: number | undefined
  #lookAt: Millis = Number.POSITIVE_INFINITY
  #tidyAt: Millis = Number.POSITIVE_INFINITY
  /** Of the execution, as far as it was accounted for. */
  #seenInstance: Instance = 0
  #seenBytes = 0

  constructor(host: GroupHost, paths: GroupPaths) {
    const { place, group } = host
    this.#host = host
    this.#paths = paths
    this.#checkpoints = new GroupCheckpoints(paths.checkpoints, place.checkpoints.keep, (error) => this.#tell(error))
    const owner = { group, clusterId: place.clusterId }
    this.#incoming = new IncomingTransfer(paths.checkpoints, owner, () => this.#checkpoints.refresh())
    this.commits = new StateCommits(host)
    this.#taking = new CheckpointTaking(host, this.#checkpoints)
    this.#loading = new CheckpointLoading(host, this.#checkpoints, (machine) => this.externalDirectory(machine))
    this.#trimming = new LogTrimming(host, this.#checkpoints)
    this.#scrub = new Scrub(host)
  }

  externalDirectory(machine: number): string {
    const directory = join(this.#paths.external, `group-${this.#host.group}`, `machine-${machine}`)
    mkdirSync(directory, { recursive: true })
    return directory
  }

  /** Where the machines of the group find their state. */
  get home(): MachineHome {
    return machineHome(this.#host, (machine) => this.externalDirectory(machine))
  }

  /** With the worker: what earlier lives left half done is cleared away. */
  settle(now: Millis): void {
    try {
      this.#checkpoints.settle()
    } catch (error) {
      this.#host.store.fail(error, now)
    }
  }

  /**
   * Where the group begins, and its machines with what was kept of them. `chosenUpTo`: of the log's head. Undefined: the
   * group, or its store, has failed, and that is told.
   */
  start(chosenUpTo: Instance, now: Millis): GroupStart | undefined {
    const host = this.#host
    try {
      return this.#start(chosenUpTo)
    } catch (error) {
      if (host.store.renewState(error, now))
        return host.store.failure === undefined ? this.start(chosenUpTo, now) : undefined
      if (isStoreError(error) && error.code === 'GROUP_DAMAGED')
        host.storageFailed({ code: error.code, message: error.message, path: error.path })
      else if (isStoreError(error)) host.store.fail(error, now)
      else host.fail(error)
      return undefined
    }
  }

  /** What the state's next commit holds of this group; undefined: nothing just now. */
  stateWrite(now: Millis): StateWrite | undefined {
    try {
      const write = this.commits.write(now)
      if (write === undefined) this.#taking.later(now)
      return write
    } catch (error) {
      this.#host.executionFailed(error, now)
      return undefined
    }
  }

  #start(chosenUpTo: Instance): GroupStart {
    const { place, execution } = this.#host
    this.#loading.abort()
    this.#incoming.close()
    const machines = execution?.machines
    return chooseStart({
      state: place.needsState ? this.#keptState(chosenUpTo) : undefined,
      checkpoints: this.#keptCheckpoints(chosenUpTo),
      hasMemory: (machines?.memoryIds.length ?? 0) > 0,
      hasState: place.needsState,
      externals: new Map((machines?.externalIds ?? []).map((id) => [id, machines!.positionOf(id)])),
    })
  }

  /** Gives the machines what was kept of them. False: that cannot be read, and the group has been built anew without it. */
  fill({ storedAt, memoryAt, digest, digestUpTo }: GroupStart, now: Millis): boolean {
    const host = this.#host
    const machines = host.execution?.machines
    for (const id of machines?.storedIds ?? []) machines?.setPosition(id, storedAt, Number.POSITIVE_INFINITY)
    host.execution?.startDigest(digest, digestUpTo)
    if (memoryAt === 0) return true
    try {
      this.#restoreMemory(memoryAt)
      return true
    } catch (error) {
      if (!isStoreError(error)) {
        host.executionFailed(error, now)
        return true
      }
      this.#checkpoints.isDamaged(memoryAt, error)
      host.rebuild(now)
      return false
    }
  }

  /** The group is built from there, and takes steps. */
  built(start: GroupStart, now: Millis): void {
    this.commits.begin(start.storedAt)
    this.#taking.begin(now)
    this.#trimming.begin(start.base.executedUpTo)
    this.#seenInstance = start.base.executedUpTo
    this.#seenBytes = 0
    this.#lookAt = now + LOOK_MS
    this.#tidyAt = now
    tellOfExternals(this.#host, start)
    this.#scrub.begin(now)
    this.#tellCore(now)
    this.arm(now)
  }

  /** The state cannot be proven any more: nothing of it is read again, and the group is built anew without it. */
  dropState(): void {
    const { store, group } = this.#host
    store.state?.drop(group)
    store.tidySoon()
  }

  /** What the core wants done about checkpoints. After the commit of a round. */
  serve(transfer: Transfer, now: Millis): void {
    const host = this.#host
    switch (transfer.kind) {
      case 'read': {
        const { peer, session, instance, id, part } = transfer
        const bytes = this.#checkpoints.part(instance, id, part, now)
        host.step({ kind: 'part-read', peer, session, part, bytes }, now)
        return
      }
      case 'begin':
        return this.#answer(this.#incoming.begin(transfer.session, transfer), now)
      case 'store':
        return this.#answer(this.#incoming.store(transfer.session, transfer.part, transfer.bytes), now)
      case 'load':
        return this.#loading.begin(transfer.instance, transfer.id, now)
      case 'make':
        return this.#taking.want()
    }
  }

  onCommand(command: GroupCommand, now: Millis): void {
    switch (command.kind) {
      case 'take':
        return this.#taking.want(command.asked)
      case 'take-opened':
        return this.#taking.onOpened(command.instance)
      case 'take-ended':
        if (this.#taking.onEnded(command.instance, command.snapshotMs, command.error, now)) this.#renewed(now)
        return
      case 'trimming':
        this.#trimming.paused = command.paused
        return
      case 'hold':
        this.#trimming.setHold(command.hold)
    }
  }

  /** The state of the group is to be committed in this round. */
  isStateDue(now: Millis): boolean {
    if (!this.commits.canCommit || this.#taking.holdsState(now)) return false
    return this.commits.isDue(now) || this.#taking.wants(now)
  }

  mayCommitState(now: Millis): boolean {
    return this.commits.canCommit && !this.#taking.holdsState(now)
  }

  /** At the end of each round of the thread. */
  afterRound(now: Millis): void {
    const { core, place, group } = this.#host
    if (core !== undefined) this.#goOn(core, now)
    // The step may have ended the group.
    const isAlive = this.#host.core !== undefined
    place.catchUps.note(group, isAlive && (this.#loading.isBusy || this.#incoming.isOpen))
  }

  #goOn(core: Group, now: Millis): void {
    const { place } = this.#host
    if (core.executedUpTo !== this.#seenInstance) this.#account(core.executedUpTo, now)
    if (this.#loading.isDue(now)) this.#loading.step(now)
    else if (this.#incoming.isRechecking) this.#answer(this.#incoming.goOn(), now)
    if (now >= this.#lookAt) this.#look(now)
    if (now >= this.#tidyAt) this.#tidy(now)
    this.#scrub.step(now)
    // One that cannot be read any more is not offered any more, and the next one may help.
    if (this.#checkpoints.newest?.id !== this.#toldId) this.#tellCore(now)
    const isStateThere = !place.needsState || this.commits.at === this.#host.core?.executedUpTo
    if (!isStateThere || !this.#taking.wants(now)) return
    if (this.#host.core?.isSaveable === true) this.#taking.take(now)
    else this.#host.step({ kind: 'save' }, now)
  }

  /** There is more to do without another input. */
  get wantsRound(): boolean {
    return this.#loading.isDue(this.#host.place.clock.now()) || this.#incoming.isRechecking
  }

  /** The instance of the newest checkpoint; 0: there is none. */
  get newestCheckpoint(): Instance {
    return this.#checkpoints.newest?.instance ?? 0
  }

  /** Asks to be woken when something of this group is due. */
  arm(now: Millis): void {
    if (this.#host.core === undefined) return
    // What holds a commit back ends with a record of the host, or with more execution.
    if (this.mayCommitState(now)) this.commits.arm()
    this.#host.place.wakeUp.by(
      Math.min(this.#lookAt, this.#tidyAt, this.#taking.dueAt, this.#scrub.dueAt, this.#loading.dueAt),
    )
  }

  close(): void {
    this.#loading.abort()
    this.#incoming.close()
    this.#checkpoints.close()
    this.#host.place.catchUps.note(this.#host.group, false)
  }

  #account(executedUpTo: Instance, now: Millis): void {
    const { execution, place } = this.#host
    const bytes = (execution?.valueBytes ?? this.#seenBytes) - this.#seenBytes
    this.#seenInstance = executedUpTo
    this.#seenBytes += bytes
    this.#taking.executed(bytes)
    this.#trimming.executed(executedUpTo, bytes, now)
    this.commits.executed(now)
    if (this.#lookAt !== Number.POSITIVE_INFINITY) return
    this.#lookAt = now + LOOK_MS
    place.wakeUp.by(this.#lookAt)
  }

  #look(now: Millis): void {
    this.#lookAt = Number.POSITIVE_INFINITY
    if (this.#trimming.look(now)) this.#taking.want()
    this.#host.place.wakeUp.by(this.#taking.dueAt)
  }

  /** What was removed is deleted in slices: the file system takes its time for large files. */
  #tidy(now: Millis): void {
    const { store, place } = this.#host
    try {
      this.#tidyAt = clearRemoved(this.#paths.checkpoints, TIDY_BYTES) ? now + TIDY_MS : Number.POSITIVE_INFINITY
    } catch (error) {
      store.fail(error, now)
    }
    place.wakeUp.by(this.#tidyAt)
  }

  #answer(stored: Stored | undefined, now: Millis): void {
    if (stored === undefined) return
    const { place, group } = this.#host
    place.catchUps.note(group, true)
    this.#host.step({ ...stored, sharers: place.catchUps.sharers }, now)
    this.#host.emit(now)
  }

  /** There is another newest checkpoint. */
  #renewed(now: Millis): void {
    this.#checkpoints.removeOld(now)
    this.#tidyAt = now
    this.#tellCore(now)
    this.#lookAt = now
  }

  #tellCore(now: Millis): void {
    const { newest } = this.#checkpoints
    this.#toldId = newest?.id
    const bytes = (newest?.manifestBytes ?? 0) + (newest?.dataBytes ?? 0)
    const paysFrom = (2 * bytes + MIN_SAVING_BYTES) / this.#trimming.meanBytes
    const checkpoint = newest && {
      instance: newest.instance,
      id: newest.id,
      manifestBytes: newest.manifestBytes,
      dataBytes: newest.dataBytes,
    }
    this.#host.step({ kind: 'checkpoint', checkpoint, paysFrom }, now)
    this.#host.emit(now)
  }

  #keptState(chosenUpTo: Instance): KeptState | undefined {
    const { store, group } = this.#host
    try {
      const position = store.state?.load(group)
      if (position === undefined) return undefined
      if (position.executedUpTo <= chosenUpTo) return keptState(position)
      const message = `The state of group ${group} in ${store.path} is at instance ${position.executedUpTo}, its log knows only ${chosenUpTo} chosen: the log is older than it was, and whatever it had promised is forgotten.`
      throw new StoreError('GROUP_DAMAGED', message, { path: store.path, group })
    } catch (error) {
      if (!isStoreError(error) || error.code !== 'STATE_DAMAGED') throw error
      this.#tell(error)
      this.dropState()
      return undefined
    }
  }

  /** Those that the log has reached: one beyond it is loaded when the group takes steps. */
  #keptCheckpoints(chosenUpTo: Instance): KeptState[] {
    const kept: KeptState[] = []
    for (const { instance, path } of this.#checkpoints.list) {
      if (instance > chosenUpTo) continue
      try {
        const reader = CheckpointReader.open(path)
        reader.close()
        kept.push(keptState({ ...reader.manifest, executedUpTo: instance }))
      } catch (error) {
        if (!isStoreError(error)) throw error
        this.#checkpoints.isDamaged(instance, error)
      }
    }
    return kept
  }

  #restoreMemory(instance: Instance): void {
    const { execution } = this.#host
    const checkpoint = this.#checkpoints.list.find((local) => local.instance === instance)
    if (execution === undefined || checkpoint === undefined) return
    const { machines } = execution
    const reader = CheckpointReader.open(checkpoint.path)
    try {
      for (const id of machines.memoryIds) {
        const snapshot = reader.snapshot(id)
        execution.asUser(() => machines.restore(id, snapshot))
        machines.setPosition(id, instance, Number.POSITIVE_INFINITY)
      }
    } finally {
      reader.close()
    }
  }

  #tell(error: StoreError): void {
    const { place, group } = this.#host
    place.outbox.event(group, alarm(error.code, { message: textOf(error.message), path: error.path }))
  }
}
