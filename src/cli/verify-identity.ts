import type { GroupIndex } from '../base/numbers.js'
import { lmdbFileFlaw } from '../store/lmdb-file-check.js'
import { LmdbReadOnly } from '../store/lmdb-read-only.js'
import { identityKey, KEY_BYTES } from '../store/log-keys.js'
import { StoreError } from '../store/store-error.js'
import { decodeIdentity, STORE_FORMAT, type StoreIdentity } from '../store/store-identity.js'
import { type StoreJob, TODO } from './finding.js'
import type { VerifyReport } from './verify-report.js'

/** Opens an environment. Throws STORE_DAMAGED for a file that LMDB is better not shown. */
export function openToVerify(path: string, { owner }: StoreJob): LmdbReadOnly {
  // Beside an owner, commits between the reading of one meta page and of the other make a pair that looks damaged.
  const env = new LmdbReadOnly(path, owner)
  const flaw = owner === undefined ? lmdbFileFlaw(`${path}/data.mdb`) : undefined
  if (flaw === undefined) return env
  env.close()
  throw new StoreError('STORE_DAMAGED', `${path}/data.mdb is damaged: ${flaw}. ${TODO.voter}`, { path })
}

/**
 * Checks who an environment says that it belongs to, and gives the groups that it says were created in it; undefined where it
 * does not say. Throws FORMAT_UNKNOWN.
 */
export function verifyIdentity(
  env: LmdbReadOnly,
  job: StoreJob,
  report: VerifyReport,
): readonly GroupIndex[] | undefined {
  const { path } = env
  const copies = env.view(() => ([0, 1] as const).map((copy) => identityCopy(env, copy)))
  const identity = copies.find((copy) => typeof copy !== 'string')
  if (identity === undefined || typeof identity === 'string') {
    const what = `both copies of its identity are unreadable (${copies.join(', ')})`
    report.damage({ code: 'STORE_DAMAGED', path, what, todo: TODO.voter })
    return undefined
  }
  for (const copy of copies) {
    if (typeof copy !== 'string') continue
    report.damage({ code: 'STORE_DAMAGED', path, what: `one copy of its identity is ${copy}`, todo: TODO.copy })
  }
  const { voterId, groups } = identity
  if (job.voterId !== undefined && voterId !== job.voterId) {
    const what = `it belongs to voter ${voterId}, the manifest says ${job.voterId}`
    report.damage({
      code: 'STORE_FOREIGN',
      path,
      what,
      todo: 'It was moved or copied here: put the right directory back.',
    })
  }
  return groups
}

function identityCopy(env: LmdbReadOnly, copy: 0 | 1): StoreIdentity | string {
  const bytes = env.get(identityKey(new Uint8Array(KEY_BYTES), copy))
  if (bytes === undefined) return 'missing'
  const identity = decodeIdentity(bytes, env.lastLength)
  if (identity === undefined) return 'damaged'
  if ('groups' in identity) return identity
  const message = `${env.path} has format ${identity.format}, this program knows ${STORE_FORMAT}. Run the newer version.`
  throw new StoreError('FORMAT_UNKNOWN', message, { path: env.path })
}
