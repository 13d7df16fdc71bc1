import type { CheckpointRef } from '../core/durable.js'
import type { PartStored } from '../core/input.js'
import { type CheckpointOwner, IncomingCheckpoint } from '../store/checkpoint-incoming.js'
import { piecesOf } from '../store/checkpoint-parts.js'
import { isStoreError } from '../store/store-error.js'

/** What the core is told of a part, but for what only the whole node knows. */
export type Stored = Omit<PartStored, 'sharers'>

/** What an earlier life has received is looked over in slices of so many bytes. */
const RECHECK_BYTES = 1024 * 1024

/** A checkpoint that comes from a peer: the disk's side of core/checkpoint-fetch.ts. */
export class IncomingTransfer {
  readonly #directory: string
  readonly #owner: CheckpointOwner
  readonly #finished: () => void
  #incoming: IncomingCheckpoint | undefined
  #session = 0
  /** Parts of the manifest that was offered. */
  #pieces = 0
  #isRechecking = false

  /** `finished`: the complete checkpoint stands among the others of its group. */
  constructor(directory: string, owner: CheckpointOwner, finished: () => void) {
    this.#directory = directory
    this.#owner = owner
    this.#finished = finished
  }

  /** Goes on with what is there of the offered checkpoint, or begins. Undefined: it has to be looked over first. */
  begin(session: number, offer: CheckpointRef): Stored | undefined {
    this.#session = session
    return this.#guarded(() => {
      const found = this.#incoming ?? IncomingCheckpoint.find(this.#directory, this.#owner)
      const isSame = found?.instance === offer.instance && found.id === offer.id
      this.#isRechecking = isSame && this.#incoming === undefined
      if (!isSame) found?.abandon()
      this.#incoming = isSame ? found : IncomingCheckpoint.begin(this.#directory, this.#owner, offer)
      return this.#isRechecking ? undefined : this.#progress(offer.manifestBytes)
    })
  }

  store(session: number, part: number, bytes: Uint8Array): Stored | undefined {
    if (session !== this.#session || this.#incoming === undefined) return undefined
    return this.#guarded(() => {
      if (this.#incoming?.append(part, bytes) === 'refused') return this.#refused()
      return this.#progress(undefined)
    })
  }

  /** To be called each round: the answer to `begin`, when what was there has been looked over. */
  goOn(): Stored | undefined {
    if (!this.#isRechecking) return undefined
    return this.#guarded(() => {
      if (this.#incoming?.recheck(RECHECK_BYTES) !== true) return undefined
      this.#isRechecking = false
      return this.#progress(undefined)
    })
  }

  get isOpen(): boolean {
    return this.#incoming !== undefined
  }

  get isRechecking(): boolean {
    return this.#isRechecking
  }

  /** What has come stays for a later life. */
  close(): void {
    this.#incoming?.close()
    this.#incoming = undefined
    this.#isRechecking = false
  }

  /** `manifestBytes` of the offer, as long as the manifest is not complete. */
  #progress(manifestBytes: number | undefined): Stored {
    const incoming = this.#incoming as IncomingCheckpoint
    const { next, parts, isComplete } = incoming
    if (!isComplete) {
      this.#pieces = manifestBytes === undefined ? this.#pieces : piecesOf(manifestBytes)
      return { kind: 'part-stored', session: this.#session, next, known: parts ?? this.#pieces, state: 'open' }
    }
    incoming.finish()
    this.#incoming = undefined
    this.#finished()
    return { kind: 'part-stored', session: this.#session, next, known: next, state: 'complete' }
  }

  #refused(): Stored {
    return { kind: 'part-stored', session: this.#session, next: 0, known: 0, state: 'refused' }
  }

  /** A disk that is full, or fails, ends this transfer; what has come stays. */
  #guarded(body: () => Stored | undefined): Stored | undefined {
    try {
      return body()
    } catch (error) {
      if (!isStoreError(error)) throw error
      this.close()
      return this.#refused()
    }
  }
}
