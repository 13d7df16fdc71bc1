import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { GroupIndex } from '../base/numbers.js'
import { groupsOfStore, logPath, statePath } from '../store/data-layout.js'
import { type LastLife, readLastLife } from '../store/last-life.js'
import { lmdbFileFlaw } from '../store/lmdb-file-check.js'
import { moveAside } from '../store/set-aside.js'
import type { DataHome } from './data-home.js'
import type { Logger } from './option-schema.js'
import { PaxosError } from './paxos-error.js'
import { workerModule } from './worker-pool.js'

/** So many lives in a row ended soon: whatever it is, all is looked at. */
const DEEP_FROM = 3
const QUICK_MS = 60_000
const DEEP_MS = 600_000

interface Environment {
  readonly kind: 'log' | 'state'
  readonly path: string
  readonly groups: readonly GroupIndex[]
}

/**
 * LMDB may crash the process over a damaged page. So after a life that was not ended in order, all pages are looked at that
 * LMDB goes by. After one that ended while it opened its stores, or several that ended soon, another process does with them
 * what this one is about to do. What is damaged, or ends that process, is set aside: a state alone, for it is built anew; a
 * log as damage that ends the voter (thrown as STORE_DAMAGED).
 */
export async function probeStores(dataDir: string, home: DataHome, groupCount: number, log: Logger): Promise<void> {
  const last = readLastLife(dataDir)
  if (last === undefined) return
  const stores = () => environmentsIn(dataDir, home.stores, groupCount)
  for (const store of stores()) {
    const flaw = lmdbFileFlaw(join(store.path, 'data.mdb'))
    if (flaw !== undefined) refuse(store, `${store.path} is damaged: ${flaw}.`, log)
  }
  if (!needsProbe(last)) return
  const deep = last.failures >= DEEP_FROM
  for (;;) {
    const killer = await findKiller(stores(), home.voterId, deep)
    if (killer === undefined) return
    refuse(killer, `Reading ${killer.path} ends the process with ${killer.signal}: it is damaged.`, log)
  }
}

/** Sets a state aside; a log ends the voter. */
function refuse({ kind, path }: Environment, message: string, log: Logger): void {
  if (kind === 'log') throw new PaxosError('STORE_DAMAGED', message)
  const aside = moveAside(path)
  log.error(
    { code: 'STATE_DAMAGED', path, aside },
    `${message} What was there lies in ${aside} now; the state is built anew.`,
  )
}

function needsProbe({ phase, failures }: LastLife): boolean {
  return phase === 'opening' || failures >= DEEP_FROM
}

function environmentsIn(dataDir: string, stores: number, groupCount: number): Environment[] {
  const found: Environment[] = []
  for (let store = 0; store < stores; store++) {
    const groups = groupsOfStore(store, stores, groupCount)
    found.push({ kind: 'log', path: logPath(dataDir, store), groups })
    found.push({ kind: 'state', path: statePath(dataDir, store), groups })
  }
  return found.filter(({ path }) => existsSync(join(path, 'data.mdb')))
}

/** Undefined: none of them ended the other process; also where that did not end in time, or was killed by somebody. */
function findKiller(
  stores: readonly Environment[],
  voterId: string,
  deep: boolean,
): Promise<(Environment & { readonly signal: string }) | undefined> {
  const order = JSON.stringify({ voterId, deep, stores })
  const options = { timeout: deep ? DEEP_MS : QUICK_MS, killSignal: 'SIGKILL' as const }
  return new Promise((resolve) => {
    execFile(process.execPath, [fileURLToPath(workerModule('store-probe')), order], options, (error, stdout) => {
      const signal = error?.signal ?? undefined
      const last = stores[Number(stdout.trim().split('\n').at(-1) ?? Number.NaN)]
      resolve(
        signal === undefined || signal === 'SIGKILL' || signal === 'SIGTERM' ? undefined : last && { ...last, signal },
      )
    })
  })
}
