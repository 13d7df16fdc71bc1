import { type Dirent, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new directory, in `parent` or where the system keeps temporary files. */
export function makeWorkDir(name: string, parent: string = tmpdir()): string {
  mkdirSync(parent, { recursive: true })
  return mkdtempSync(join(parent, `shardpaxos-${name}-`))
}

export function removeWorkDir(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

/** What a folder takes of the disk. Files may come and go meanwhile. */
export function diskBytes(path: string): number {
  return entriesOf(path).reduce((sum, entry) => {
    const inside = join(path, entry.name)
    if (entry.isDirectory()) return sum + diskBytes(inside)
    // Not the size: files of LMDB may have holes.
    return sum + (statSync(inside, { throwIfNoEntry: false })?.blocks ?? 0) * BLOCK_BYTES
  }, 0)
}

/** The unit of `blocks`, whatever the file system's own is. */
const BLOCK_BYTES = 512

function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
