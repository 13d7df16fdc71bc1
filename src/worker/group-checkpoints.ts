import type { Instance, Millis } from '../base/numbers.js'
import { settleCheckpoints } from '../store/checkpoint-layout.js'
import { type LocalCheckpoint, localCheckpoints, removeCheckpoints } from '../store/checkpoint-local.js'
import { CheckpointParts } from '../store/checkpoint-parts.js'
import { isStoreError, type StoreError } from '../store/store-error.js'

/** A checkpoint that somebody fetches stays for so long after each part. */
const PIN_MS = 60_000
const EMPTY = new Uint8Array(0)

/** The finished checkpoints of one group on this disk, and what peers fetch of them. */
export class GroupCheckpoints {
  readonly directory: string
  /** Newest first; those that can be read. */
  list: readonly LocalCheckpoint[] = []
  readonly #keep: number
  readonly #damaged: (error: StoreError) => void
  /** What was found unreadable is not offered again. */
  readonly #unreadable = new Set<Instance>()
  readonly #fetchedAt = new Map<Instance, Millis>()
  #open: { readonly checkpoint: LocalCheckpoint; readonly parts: CheckpointParts } | undefined

  /** `damaged` hears of each checkpoint that cannot be read. */
  constructor(directory: string, keep: number, damaged: (error: StoreError) => void) {
    this.directory = directory
    this.#keep = keep
    this.#damaged = damaged
  }

  get newest(): LocalCheckpoint | undefined {
    return this.list[0]
  }

  /** At the start: removes what earlier lives have left half done, and looks what there is. */
  settle(): void {
    settleCheckpoints(this.directory)
    this.refresh()
  }

  refresh(): void {
    this.list = localCheckpoints(this.directory, this.#damaged).filter(
      ({ instance }) => !this.#unreadable.has(instance),
    )
  }

  /** Removes the older ones, but what peers are fetching. */
  removeOld(now: Millis): void {
    const pinned = new Set<Instance>()
    for (const [instance, at] of this.#fetchedAt) {
      if (now - at > PIN_MS) this.#fetchedAt.delete(instance)
      else pinned.add(instance)
    }
    if (this.list.length > this.#keep) removeCheckpoints(this.directory, this.#keep, pinned)
    this.refresh()
  }

  /** A part for a peer; no bytes if that checkpoint is not there, or not readable. */
  part(instance: Instance, id: number, part: number, now: Millis): Uint8Array {
    const checkpoint = this.list.find((local) => local.instance === instance && local.id === id)
    if (checkpoint === undefined) return EMPTY
    this.#fetchedAt.set(instance, now)
    try {
      const parts = this.#partsOf(checkpoint)
      return part < parts.parts ? parts.read(part) : EMPTY
    } catch (error) {
      if (!isStoreError(error)) throw error
      this.isDamaged(instance, error)
      return EMPTY
    }
  }

  /** It cannot be read, as was found by using it. */
  isDamaged(instance: Instance, error: StoreError): void {
    this.#closeParts()
    this.#unreadable.add(instance)
    this.#damaged(error)
    this.refresh()
  }

  close(): void {
    this.#closeParts()
  }

  #partsOf(checkpoint: LocalCheckpoint): CheckpointParts {
    if (this.#open?.checkpoint.path !== checkpoint.path || this.#open.checkpoint.id !== checkpoint.id) {
      this.#closeParts()
      this.#open = { checkpoint, parts: CheckpointParts.open(checkpoint.path) }
    }
    return this.#open.parts
  }

  #closeParts(): void {
    this.#open?.parts.close()
    this.#open = undefined
  }
}
