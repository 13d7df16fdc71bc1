import type { Random } from '../../../src/base/random.js'
import { MARK_BYTES } from '../../../src/store/journal-entry.js'
import type { Changes, VirtualDisk } from './virtual-disk.js'

/** The process using a drive, as far as its drive is concerned. */
export interface DriveUser {
  readonly isDead: boolean
  /** A place where the process may die; then it throws. */
  mayDie(): void
  /** A transaction that writes begins: what was published before it may leave meanwhile. */
  committing(): void
  /** It is on the disk, and time has passed. */
  committed(): void
  /** The drive is about to report an error. */
  failing(path: string, code: 'STORAGE_FAILED' | 'DISK_FULL'): void
  opened(path: string): void
}

const EIO = 5
const ENOSPC = 28

/** One process's way to one disk. What the disk does wrong, it does here. */
export class Drive {
  readonly path: string
  readonly disk: VirtualDisk
  private readonly user: DriveUser
  private readonly random: Random

  constructor(path: string, disk: VirtualDisk, user: DriveUser, random: Random) {
    this.path = path
    this.disk = disk
    this.user = user
    this.random = random
  }

  open(): void {
    this.alive()
    this.user.opened(this.path)
  }

  beginRead(): void {
    this.alive()
    this.user.mayDie()
    if (!this.disk.failNextRead) return
    this.disk.failNextRead = false
    this.fail('STORAGE_FAILED', EIO)
  }

  beginWrite(): void {
    this.alive()
    this.user.committing()
    this.user.mayDie()
    if (this.disk.isFull) this.fail('DISK_FULL', ENOSPC)
  }

  flush(changes: Changes): void {
    const { disk, random, user } = this
    if (disk.failingWrite > 0 && --disk.failingWrite === 0) {
      // Nothing may be concluded from a failed flush: it may have reached the disk all the same.
      if (random.chance(0.5)) disk.apply(changes)
      this.fail('STORAGE_FAILED', EIO)
    }
    disk.apply(changes)
    user.committed()
    user.mayDie()
  }

  makeJournal(bytes: Uint8Array): void {
    this.alive()
    this.disk.journal = bytes.slice()
    this.disk.notes = [bytes.slice(0, MARK_BYTES)]
  }

  writeJournal(at: number, bytes: Uint8Array): void {
    const { disk, random, user } = this
    this.alive()
    user.committing()
    try {
      user.mayDie()
      if (disk.failingWrite > 0 && --disk.failingWrite === 0) this.fail('STORAGE_FAILED', EIO)
    } catch (error) {
      // Anything of it may have arrived, all of it included.
      if (random.chance(0.3)) disk.writeJournal(at, bytes)
      else disk.tearJournal(at, bytes, random)
      throw error
    }
    disk.writeJournal(at, bytes)
    user.committed()
    user.mayDie()
  }

  noteJournal(at: number, bytes: Uint8Array): void {
    this.alive()
    this.disk.noteJournal(at, bytes)
  }

  /** A dead process writes nothing more, whatever its code goes on to do. */
  private alive(): void {
    if (this.user.isDead) throw systemError('the process is gone', EIO)
  }

  private fail(code: 'STORAGE_FAILED' | 'DISK_FULL', number: number): never {
    if (!this.disk.isClosing) this.user.failing(this.path, code)
    throw systemError('a fault of the simulated disk', number)
  }
}

function systemError(message: string, code: number): Error {
  return Object.assign(new Error(message), { code })
}
