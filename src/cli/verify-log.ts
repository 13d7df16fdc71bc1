import { existsSync } from 'node:fs'
import type { GroupIndex } from '../base/numbers.js'
import type { StoredHead } from '../codec/head.js'
import { decodeRecord, recordCrc } from '../codec/record.js'
import { logPath } from '../store/data-layout.js'
import type { LmdbReadOnly } from '../store/lmdb-read-only.js'
import { KEY_BYTES, recordKey } from '../store/log-keys.js'
import { headCopyOf } from '../store/log-records.js'
import { type StoreJob, TODO } from './finding.js'
import { verifyChosen } from './verify-chosen.js'
import { openToVerify, verifyIdentity } from './verify-identity.js'
import type { VerifyReport } from './verify-report.js'

/** Checks the log environment of a store: identity, heads, accepted tails, and every chosen record with its chain. */
export function verifyLog(job: StoreJob, report: VerifyReport): void {
  const path = logPath(job.dataDir, job.store)
  if (!existsSync(`${path}/data.mdb`)) {
    // Before the birth is complete nothing has to be there.
    if (job.groups !== undefined)
      report.damage({ code: 'STORE_DAMAGED', path, what: 'it is missing', todo: `Put it back. ${TODO.voter}` })
    return
  }
  const env = openToVerify(path, job)
  try {
    const created = verifyIdentity(env, job, report)
    for (const group of job.groups ?? created ?? []) {
      if (job.only !== undefined && group !== job.only) continue
      report.reading(`group ${group}`)
      report.count({ groups: 1 })
      // What LMDB complains of in the records of one group says little about the others.
      report.guarded(() => verifyGroup(env, group, created, job, report))
    }
    if (job.deep && job.owner === undefined) verifyKeys(env, created, report)
  } finally {
    env.close()
  }
}

function verifyGroup(
  env: LmdbReadOnly,
  group: GroupIndex,
  created: readonly GroupIndex[] | undefined,
  job: StoreJob,
  report: VerifyReport,
): void {
  const { path } = env
  if (created !== undefined && !created.includes(group)) {
    const what = 'the store does not list it, although the cluster was born with it'
    report.damage({ code: 'GROUP_DAMAGED', path, group, what, todo: TODO.voter })
  }
  const head = env.view(() => {
    const stored = verifyHead(env, group, job, report)
    if (stored !== undefined) verifyTail(env, group, stored, report)
    return stored?.head
  })
  if (head !== undefined) verifyChosen(env, group, head, job, report)
}

/** The head; undefined if what it says is not known. Inside a view. */
function verifyHead(env: LmdbReadOnly, group: GroupIndex, job: StoreJob, report: VerifyReport): StoredHead | undefined {
  const { path } = env
  const at = { path, group } as const
  const [first, second] = [headCopyOf(env, group, 0), headCopyOf(env, group, 1)]
  const stored = typeof first === 'string' ? second : first
  if (typeof stored === 'string') {
    const what = `both copies of its head are unreadable (${String(first)}, ${stored}); its records were not read`
    report.damage({ code: 'GROUP_DAMAGED', ...at, what, todo: TODO.voter })
    return undefined
  }
  for (const [number, copy] of [first, second].entries()) {
    if (typeof copy !== 'string') continue
    const what = `copy ${number + 1} of its head is unreadable (${copy})`
    report.damage({ code: 'GROUP_DAMAGED', ...at, what, todo: TODO.copy })
  }
  if (typeof first !== 'string' && typeof second !== 'string' && JSON.stringify(first) !== JSON.stringify(second)) {
    report.damage({ code: 'GROUP_DAMAGED', ...at, what: 'the two copies of its head differ', todo: TODO.voter })
    return undefined
  }
  if (job.voterId !== undefined && stored.voterId !== job.voterId) {
    const what = `its head was written by voter ${stored.voterId}, the manifest says ${job.voterId}`
    report.damage({ code: 'STORE_FOREIGN', ...at, what, todo: 'Put the right directory back.' })
  }
  return stored
}

/** What was accepted and is not known chosen: a vote was told of it. Inside the view of the head. */
function verifyTail(env: LmdbReadOnly, group: GroupIndex, { head, digest }: StoredHead, report: VerifyReport): void {
  const at = { path: env.path, group } as const
  const key = new Uint8Array(KEY_BYTES)
  let sum = 0
  let isWhole = true
  for (let instance = head.chosenUpTo + 1; instance <= head.lastAccepted; instance++) {
    const found = env.get(recordKey(key, group, instance))
    const record = found === undefined ? 'missing' : decodeRecord(found, group, instance, env.lastLength)
    if (found !== undefined && typeof record !== 'string') {
      sum = (sum + recordCrc(found)) >>> 0
      report.count({ records: 1 })
      continue
    }
    isWhole = false
    const what = `accepted record ${instance} is ${record === 'missing' ? 'missing' : `unreadable (${String(record)})`}`
    report.damage({ code: 'GROUP_DAMAGED', ...at, instance, what, todo: TODO.voter })
  }
  if (!isWhole || sum === digest) return
  const what = 'its accepted records are not the ones that its head was written for'
  report.damage({ code: 'GROUP_DAMAGED', ...at, what, todo: TODO.voter })
}

/** Walks all of LMDB's index. */
function verifyKeys(env: LmdbReadOnly, created: readonly GroupIndex[] | undefined, report: VerifyReport): void {
  const { path } = env
  report.reading('the index of LMDB')
  const known = new Set([0, 0xffff, ...(created ?? []).map((group) => group + 1)])
  const strangers = new Map<number, number>()
  env.view(() => {
    for (const [high = 0, low = 0] of env.keys()) {
      const prefix = high * 256 + low
      if (!known.has(prefix)) strangers.set(prefix, (strangers.get(prefix) ?? 0) + 1)
    }
  })
  if (created === undefined) return
  for (const [prefix, count] of strangers) {
    const what = `it holds ${count} records of a group that it does not list`
    report.damage({ code: 'STORE_DAMAGED', path, group: prefix - 1, what, todo: TODO.voter })
  }
}
