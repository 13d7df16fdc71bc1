import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
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
