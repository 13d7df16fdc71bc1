import { statfsSync } from 'node:fs'

/** What is kept free for all that others write between two looks: other stores, other programs. */
const MARGIN_BYTES = 64 * 1024 * 1024
/** A share of a small disk. */
const MARGIN_SHARE = 1 / 16
/** So many margins left, and what can be given up is given up. */
const SHORT_MARGINS = 4

export interface FreeSpace {
  readonly freeBytes: number
  /** Not to be written into: writes are refused before. */
  readonly marginBytes: number
}

/** Of the file system of a directory. Throws what the system says. */
export function freeSpace(directory: string): FreeSpace {
  const { bsize, bavail, blocks } = statfsSync(directory)
  return { freeBytes: bavail * bsize, marginBytes: Math.min(MARGIN_BYTES, blocks * bsize * MARGIN_SHARE) }
}

/** Writes will soon be refused here; false also where the system does not tell. */
export function isSpaceShort(directory: string): boolean {
  try {
    const { freeBytes, marginBytes } = freeSpace(directory)
    return freeBytes < SHORT_MARGINS * marginBytes
  } catch {
    return false
  }
}
