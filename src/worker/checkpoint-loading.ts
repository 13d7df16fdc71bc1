import type { Instance, Millis } from '../base/numbers.js'
import { headAfterLoad } from '../core/checkpoint-load.js'
import { ExecuteFailure } from '../state-machine/execute-failure.js'
import { isStoreError, StoreError } from '../store/store-error.js'
import { CheckpointLoad } from './checkpoint-load.js'
import type { GroupCheckpoints } from './group-checkpoints.js'
import type { GroupHost } from './group-host.js'

/**
 * Puts a checkpoint in the place of a group's state while the process, the thread and the group's votes go on. The
 * order makes it all or nothing: staged beside the old state; then the log's head in one commit; then the state's head
 * in another; then the group is built anew. Died in between, the start finds a state behind the first kept record, and
 * the checkpoint that was being loaded.
 */
export class CheckpointLoading {
  readonly #host: GroupHost
  readonly #checkpoints: GroupCheckpoints
  readonly #externalDirectory: (machine: number) => string
  #load: CheckpointLoad | undefined
  /** When the next slice may be loaded. */
  #dueAt: Millis = Number.POSITIVE_INFINITY

  constructor(host: GroupHost, checkpoints: GroupCheckpoints, externalDirectory: (machine: number) => string) {
    this.#host = host
    this.#checkpoints = checkpoints
    this.#externalDirectory = externalDirectory
  }

  get isBusy(): boolean {
    return this.#load !== undefined
  }

  /** Whether there is a slice to be loaded now. */
  isDue(now: Millis): boolean {
    return now >= this.#dueAt
  }

  get dueAt(): Millis {
    return this.#dueAt
  }

  begin(instance: Instance, id: number, now: Millis): void {
    const { store, group, place } = this.#host
    const checkpoint = this.#checkpoints.list.find((local) => local.instance === instance && local.id === id)
    this.#guarded(instance, now, () => {
      if (checkpoint === undefined) {
        const path = this.#checkpoints.directory
        throw new StoreError('CHECKPOINT_DAMAGED', `There is no checkpoint of instance ${instance} in ${path}.`, {
          path,
        })
      }
      const { machines } = place
      this.#load = new CheckpointLoad(checkpoint.path, {
        group,
        clusterId: place.clusterId,
        machines,
        state: store.state,
        externalDirectory: this.#externalDirectory,
      })
      this.#dueAt = now
    })
  }

  /** One slice, as fast as all that the node loads may go; at the end the group is another one. */
  step(now: Millis): void {
    const load = this.#load
    if (load === undefined) return
    const { instance } = load.reader.manifest
    this.#guarded(instance, now, () => {
      const bytes = load.step()
      if (bytes === undefined) {
        this.#finish(load, now)
        return
      }
      this.#dueAt = now + this.#host.place.catchUps.loadMs(bytes, load.reader.manifest.blocks.count)
      this.#host.place.wakeUp.by(this.#dueAt)
    })
  }

  /** Leaves everything as it is. */
  abort(): void {
    const load = this.#load
    this.#load = undefined
    this.#dueAt = Number.POSITIVE_INFINITY
    if (load !== undefined) this.#host.store.tidySoon()
    try {
      load?.abort()
    } catch (error) {
      // The store has failed, and says so to whoever uses it next.
      if (!isStoreError(error)) throw error
    }
  }

  #finish(load: CheckpointLoad, now: Millis): void {
    const { core, store, group, callers } = this.#host
    const { instance, chain } = load.reader.manifest
    if (core === undefined || !core.isHelpedBy(instance)) {
      this.#failed(now)
      return
    }
    const write = this.#host.lastWrite()
    if (write === undefined) return
    const head = headAfterLoad(write.head, { executedUpTo: instance, chain })
    if (!store.commit([{ ...write, head }], now)) return
    load.finish()
    this.#load = undefined
    this.#dueAt = Number.POSITIVE_INFINITY
    store.tidySoon()
    callers.endAll()
    const durable = store.load(group, now)
    if (durable !== undefined) this.#host.build(durable, now)
  }

  #failed(now: Millis): void {
    this.abort()
    this.#host.step({ kind: 'load-failed' }, now)
    this.#host.emit(now)
  }

  /** A checkpoint that cannot be read is nothing; what else a disk does is the store's. */
  #guarded(instance: Instance, now: Millis, body: () => void): void {
    try {
      body()
    } catch (error) {
      if (error instanceof ExecuteFailure) {
        // The group is built anew after a while, finds itself stranded, and loads the checkpoint again.
        this.abort()
        this.#host.executionFailed(error, now)
        return
      }
      if (!isStoreError(error)) throw error
      if (error.code === 'CHECKPOINT_DAMAGED' || error.code === 'FORMAT_UNKNOWN')
        this.#checkpoints.isDamaged(instance, error)
      else this.#host.store.fail(error, now)
      if (this.#host.core !== undefined) this.#failed(now)
    }
  }
}
