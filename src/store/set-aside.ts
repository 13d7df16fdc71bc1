import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DataDirLock } from './data-dir-lock.js'
import { asidesPresent, MANIFEST, nextAsidePath, storesPresent } from './data-layout.js'
import { flushPath } from './durable-files.js'

/**
 * Moves everything that a voter has in its data directory into a new folder inside it (it may be a mount point, which
 * cannot be moved), and returns that folder. A cut on the way leaves stores without a manifest, or a manifest without
 * stores: damage again, so the next start goes on. Throws DATA_DIR_IN_USE.
 */
export function setDataAside(dataDir: string): string {
  const lock = DataDirLock.take(dataDir)
  try {
    const aside = nextAsidePath(dataDir)
    mkdirSync(aside)
    for (const name of [...storesPresent(dataDir), MANIFEST]) moveIfThere(join(dataDir, name), join(aside, name))
    flushPath(aside)
    flushPath(dataDir)
    return aside
  } finally {
    lock.release()
  }
}

/** Moves one environment aside, beside itself. Returns where it lies now. */
export function moveAside(path: string): string {
  let number = 1
  while (existsSync(`${path}-damaged-${number}`)) number++
  const aside = `${path}-damaged-${number}`
  renameSync(path, aside)
  flushPath(dirname(path))
  return aside
}

/** Whether this directory once held a voter that has ended: then it is no sign that the cluster was never born. */
export function wasSetAside(dataDir: string): boolean {
  return asidesPresent(dataDir).some((name) => readdirSync(join(dataDir, name)).length > 0)
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
  }
}
