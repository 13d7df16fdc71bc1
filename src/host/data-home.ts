import { randomBytes } from 'node:crypto'
import type { VoterId } from '../core/membership.js'
import { DataDirLock } from '../store/data-dir-lock.js'
import { forgetLife, type LastLife, noteLife, readLastLife } from '../store/last-life.js'
import { checkManifest, type Manifest, readManifest, writeManifest } from '../store/manifest.js'
import { wasSetAside } from '../store/set-aside.js'
import type { Genesis } from './genesis.js'
import { defaultStores, type Settings } from './options.js'
import { toPaxosError } from './paxos-error.js'

const GOOD_LIFE_MS = 10 * 60_000

/** The data directory of this node while it runs: locked, and known to be its own. */
export class DataHome {
  readonly voterId: VoterId
  readonly #dataDir: string
  readonly #settings: Settings
  readonly #lock: DataDirLock
  #manifest: Manifest | undefined
  #lived: NodeJS.Timeout | undefined
  #life: LastLife = { phase: 'opening', failures: 0 }

  private constructor(settings: Settings, lock: DataDirLock, manifest: Manifest | undefined) {
    this.#dataDir = settings.dataDir
    this.#settings = settings
    this.#lock = lock
    this.#manifest = manifest
    this.voterId = manifest?.voterId ?? randomBytes(8).toString('hex')
  }

  /** Refuses what is not this node's, or laid out otherwise, before anything is written but the lock. */
  static open(settings: Settings): DataHome {
    try {
      // Once without the lock, so that a foreign directory is left as it was found.
      readChecked(settings)
      const lock = DataDirLock.take(settings.dataDir)
      try {
        return new DataHome(settings, lock, readChecked(settings))
      } catch (error) {
        lock.release()
        throw error
      }
    } catch (error) {
      throw toPaxosError(error, 'STORAGE_FAILED')
    }
  }

  /** Undefined while this node does not know of a birth. */
  get genesis(): Genesis | undefined {
    return this.#manifest?.genesis
  }

  /** The voter that was here has ended: until a living cluster is found again, nobody may take this node for a new one. */
  get isReturning(): boolean {
    return this.genesis === undefined && wasSetAside(this.#dataDir)
  }

  /** Environments; fixed when the directory is made. */
  get stores(): number {
    return this.#manifest?.stores ?? this.#settings.stores ?? defaultStores(this.#settings.wantedGroups)
  }

  /** Makes a new directory this voter's, durably. From here on the voter may be named in a genesis. */
  claim(): void {
    this.#manifest ?? this.#write({ nodeId: this.#settings.nodeId, voterId: this.voterId, stores: this.stores })
  }

  /** To be called when all groups have been created in their stores: from then on one that is missing is damaged. */
  adopt(genesis: Genesis): void {
    this.#write({ ...(this.#manifest as Manifest), genesis })
  }

  /** What the last life found damaged of what a vote depends on; whatever else it would have met is left alone. */
  get foundDamage(): LastLife['damage'] {
    return readLastLife(this.#dataDir)?.damage
  }

  /** Found in the middle of a life: the next start must not come across it again and again. */
  noteDamage(code: string, message: string): void {
    this.#note({ damage: { code, message } })
  }

  /** From here on the stores are opened. What becomes of this life is there to be read by the next one. */
  beginLife(): { isOpen(): void } {
    this.#note({ phase: 'opening', failures: (readLastLife(this.#dataDir)?.failures ?? 0) + 1 })
    return {
      isOpen: () => {
        this.#note({ phase: 'running' })
        // It has lived: whatever ends it later is no matter of its stores.
        this.#lived = setTimeout(() => this.#note({ failures: 0 }), GOOD_LIFE_MS)
        this.#lived.unref()
      },
    }
  }

  close(): void {
    clearTimeout(this.#lived)
    if (this.foundDamage === undefined) forgetLife(this.#dataDir)
    this.#lock.release()
  }

  #note(news: Partial<LastLife>): void {
    this.#life = { ...this.#life, ...news }
    noteLife(this.#dataDir, this.#life)
  }

  #write(manifest: Manifest): void {
    try {
      writeManifest(this.#dataDir, manifest)
    } catch (error) {
      throw toPaxosError(error, 'STORAGE_FAILED')
    }
    this.#manifest = manifest
  }
}

function readChecked({ dataDir, nodeId, groups, stores }: Settings): Manifest | undefined {
  const manifest = readManifest(dataDir)
  if (manifest === undefined) return undefined
  checkManifest(manifest, dataDir, {
    nodeId,
    ...('count' in groups ? { groupCount: groups.count } : {}),
    ...(stores === undefined ? {} : { stores }),
  })
  return manifest
}
