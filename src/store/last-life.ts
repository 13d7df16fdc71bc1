import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { lastLifePath } from './data-layout.js'

/** How a process that had this data directory got along. */
export interface LastLife {
  /** `opening`: it did not get its stores open. */
  readonly phase: 'opening' | 'running'
  /** Lives in a row, this one included, that ended soon and without a stop. */
  readonly failures: number
  /** What it found damaged, while it ran, of what a vote depends on: the voter ends with the next start. */
  readonly damage?: { readonly code: string; readonly message: string }
}

/**
 * Undefined: the last life stopped in order, or there was none. A hint, and not flushed: a power cut may take it away,
 * which then was no crash of the process.
 */
export function readLastLife(dataDir: string): LastLife | undefined {
  try {
    const { phase, failures, damage } = JSON.parse(readFileSync(lastLifePath(dataDir), 'utf8')) as LastLife
    if ((phase !== 'opening' && phase !== 'running') || !Number.isInteger(failures)) return undefined
    if (typeof damage?.code !== 'string' || typeof damage.message !== 'string') return { phase, failures }
    return { phase, failures, damage: { code: damage.code, message: damage.message } }
  } catch {
    return undefined
  }
}

export function noteLife(dataDir: string, life: LastLife): void {
  writeFileSync(lastLifePath(dataDir), JSON.stringify(life))
}

/** The life ends in order. */
export function forgetLife(dataDir: string): void {
  rmSync(lastLifePath(dataDir), { force: true })
}
