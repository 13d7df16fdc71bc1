import type { Drive } from './drive.js'
import { driveAt } from './sim-environment.js'

/**
 * Stands in for `JournalFile`, over a disk in memory: of a write during which the process dies or the disk fails, any sectors
 * may have arrived.
 *
 * @public Its importer is written by tree.ts.
 */
export class SimJournalFile {
  readonly length: number
  private readonly drive: Drive

  private constructor(drive: Drive, length: number) {
    this.drive = drive
    this.length = length
  }

  static create(directory: string, bytes: Uint8Array): SimJournalFile {
    const drive = driveAt(directory)
    drive.makeJournal(bytes)
    return new SimJournalFile(drive, bytes.length)
  }

  static open(directory: string): { file: SimJournalFile; bytes: Uint8Array } | undefined {
    const drive = driveAt(directory)
    const bytes = drive.disk.journal?.slice()
    return bytes === undefined ? undefined : { file: new SimJournalFile(drive, bytes.length), bytes }
  }

  write(at: number, bytes: Uint8Array): void {
    this.drive.writeJournal(at, bytes)
  }

  note(at: number, bytes: Uint8Array): void {
    this.drive.noteJournal(at, bytes)
  }

  flush(): void {
    throw new Error('no journal is relaxed here')
  }

  close(): void {}
}
