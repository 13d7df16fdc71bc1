import { existsSync } from 'node:fs'
import type { GroupIndex } from '../base/numbers.js'
import { decodeBuiltIn } from '../codec/built-in-state.js'
import { statePath } from '../store/data-layout.js'
import type { LmdbReadOnly } from '../store/lmdb-read-only.js'
import { headKey, KEY_BYTES } from '../store/log-keys.js'
import { StoredBlocks } from '../store/state-blocks.js'
import { readBuiltIn, readStateHead } from '../store/state-disk.js'
import { decodeStateHead } from '../store/state-head.js'
import { NO_KEY, TreeCursor } from '../store/state-tree.js'
import { isStoreError } from '../store/store-error.js'
import { type StoreJob, TODO } from './finding.js'
import { openToVerify, verifyIdentity } from './verify-identity.js'
import type { VerifyReport } from './verify-report.js'

const REPORT_BYTES = 4 * 1024 * 1024

/** Checks the state environment of a store: identity, heads, and every block of every tree against its parent's checksum. */
export function verifyState(job: StoreJob, report: VerifyReport): void {
  const path = statePath(job.dataDir, job.store)
  // Only stored and external machines have one.
  if (!existsSync(`${path}/data.mdb`)) return
  if (job.owner !== undefined) {
    report.note({ path, what: 'it was not read: blocks change while the node runs' })
    return
  }
  const env = openToVerify(path, job)
  try {
    const groups = verifyIdentity(env, job, report) ?? []
    for (const group of groups) {
      if (job.only !== undefined && group !== job.only) continue
      report.reading(`the state of group ${group}`)
      report.guarded(() => env.view(() => verifyGroup(env, group, job, report)))
    }
  } finally {
    env.close()
  }
}

function verifyGroup(env: LmdbReadOnly, group: GroupIndex, job: StoreJob, report: VerifyReport): void {
  const at = { code: 'STATE_DAMAGED', path: env.path, group } as const
  for (const copy of [0, 1] as const) {
    const bytes = env.read(headKey(new Uint8Array(KEY_BYTES), group, copy))
    const head = bytes === undefined ? 'missing' : decodeStateHead(bytes, bytes.length, group)
    if (typeof head !== 'string') continue
    report.damage({ ...at, what: `copy ${copy + 1} of the head of its state is unreadable (${head})`, todo: TODO.copy })
  }
  const head = readStateHead(env, group)
  if (head === undefined) return
  if (job.voterId !== undefined && head.voterId !== job.voterId) {
    const what = `the head of its state was written by voter ${head.voterId}, the manifest says ${job.voterId}`
    report.damage({ ...at, code: 'STORE_FOREIGN', what, todo: 'Put the right directory back.' })
  }
  const source = new StoredBlocks(env, group, head.generation)
  const builtIn = readBuiltIn(head, source)
  try {
    decodeBuiltIn(builtIn)
  } catch (error) {
    const what = `its sessions have the right checksum, but are none: ${(error as Error).message}`
    report.damage({ ...at, what, todo: TODO.state })
  }
  const { executedUpTo: instance, chain } = head.position
  report.position({ kind: 'state', path: env.path, group, instance, chain })
  readTree(new TreeCursor({ source, root: head.root }, NO_KEY), source, report)
}

/** Throws STATE_DAMAGED at the first block that is not the one that its parent names. */
function readTree(entries: TreeCursor, source: StoredBlocks, report: VerifyReport): void {
  let told = 0
  let count = 0
  try {
    for (let step = entries.next(); step !== undefined; step = entries.next()) {
      count++
      const big = step.block.big(step.at)
      if (big !== undefined) source.big(big)
      if (source.bytesRead - told < REPORT_BYTES) continue
      report.bytes(source.bytesRead - told)
      told = source.bytesRead
    }
  } catch (error) {
    if (isStoreError(error)) report.reading(`the state of group ${source.group}, damaged behind ${count} entries`)
    throw error
  } finally {
    report.bytes(source.bytesRead - told)
    report.count({ stateEntries: count })
  }
}
