import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
export const DIST = join(ROOT, 'dist')

export interface Change {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** `persisted` empties the list of what was written. */
const RECORDS_COPIED: Change = {
  file: 'src/worker/round.js',
  from: 'writes.push(write);',
  to: 'writes.push({ ...write, records: [...write.records] });',
}

/**
 * The round tells the core `persisted` before the commit, and lets out what that brings. The commit is then late, as on
 * a slow disk, so that it does not depend on luck which of the two is first.
 */
export const PERSISTED_BEFORE_COMMIT: readonly Change[] = [
  RECORDS_COPIED,
  {
    file: 'src/worker/round.js',
    from: 'if (!store.commit(writes, now))\n            return;',
    to: `for (const host of writers) host.persisted(now);
        this.#place.outbox.publish();
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40);
        if (!store.commit(writes, now)) return;`,
  },
  { file: 'src/worker/round.js', from: 'for (const host of writers)\n            host.persisted(now);', to: '' },
]

/** The commit is left to a later round, and the core is told `persisted` at once: a leader counts a vote that it has not. */
export const COMMIT_IN_A_LATER_ROUND: readonly Change[] = [
  RECORDS_COPIED,
  {
    file: 'src/worker/round.js',
    from: 'if (!store.commit(writes, now))\n            return;',
    to: `(store.late ??= []).push({ at: now, writes });
        while (store.late.length > 0 && now - store.late[0].at > 30) store.commit(store.late.shift().writes, now);`,
  },
]

/** Everything is in order, but the disk is never asked to flush. */
export const UNFLUSHED: readonly Change[] = [
  {
    file: 'src/store/lmdb-options.js',
    from: 'overlappingSync: false,',
    to: 'overlappingSync: false, noSync: true,',
  },
  {
    file: 'src/store/journal-file.js',
    from: 'constants.O_WRONLY | constants.O_DSYNC',
    to: 'constants.O_WRONLY',
  },
]

/** A copy of the compiled project with changes in it; throws if the text to be changed is not there exactly once. */
export function alteredDist(directory: string, changes: readonly Change[]): string {
  const dist = join(directory, 'dist')
  for (const part of ['src', 'workers', 'examples']) cpSync(join(DIST, part), join(dist, part), { recursive: true })
  cpSync(join(ROOT, 'package.json'), join(directory, 'package.json'))
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  for (const { file, from, to } of changes) {
    const path = join(dist, file)
    const parts = readFileSync(path, 'utf8').split(from)
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${from}`)
    writeFileSync(path, parts.join(to))
  }
  return dist
}
