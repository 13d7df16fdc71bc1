import type { GroupIndex, Instance } from '../base/numbers.js'
import { decodeRecord, RECORD_HEADER_BYTES } from '../codec/record.js'
import type { Head, LogRecord } from '../core/durable.js'
import type { LmdbReadOnly } from '../store/lmdb-read-only.js'
import { KEY_BYTES, recordKey } from '../store/log-keys.js'
import { headCopyOf } from '../store/log-records.js'
import { StoreError } from '../store/store-error.js'

/** One read transaction's worth: so long a running node keeps the pages that it would use again. */
const PAGE_BYTES = 4 * 1024 * 1024
const PAGE_RECORDS = 4096

/** What stands under the key of an instance: the record, or why there is none to be read. */
export interface LogEntry {
  readonly instance: Instance
  readonly record: LogRecord | string
}

export interface LogPage {
  /** As of the same commit. */
  readonly head: Head
  readonly entries: readonly LogEntry[]
}

/** The head of a group, from whichever copy can be read. Throws GROUP_DAMAGED. */
export function readHead(env: LmdbReadOnly, group: GroupIndex): Head {
  return env.view(() => headInside(env, group))
}

/** Entries from `from` on, at least one, up to `upTo(head)`; nothing of what is trimmed. */
export function readPage(
  env: LmdbReadOnly,
  group: GroupIndex,
  from: Instance,
  upTo: (head: Head) => Instance,
): LogPage {
  const key = new Uint8Array(KEY_BYTES)
  return env.view(() => {
    const head = headInside(env, group)
    const last = Math.min(upTo(head), from + PAGE_RECORDS - 1)
    const entries: LogEntry[] = []
    let bytes = 0
    for (let instance = Math.max(from, head.firstKept); instance <= last && bytes < PAGE_BYTES; instance++) {
      const found = env.get(recordKey(key, group, instance))
      const record = found === undefined ? 'missing' : decodeRecord(found, group, instance, env.lastLength)
      if (typeof record !== 'string') bytes += RECORD_HEADER_BYTES + record.value.length
      entries.push({ instance, record })
    }
    return { head, entries }
  })
}

function headInside(env: LmdbReadOnly, group: GroupIndex): Head {
  const first = headCopyOf(env, group, 0)
  const stored = typeof first === 'string' ? headCopyOf(env, group, 1) : first
  if (typeof stored !== 'string') return stored.head
  const message = `Both copies of the head of group ${group} in ${env.path} are unreadable (${first}, ${stored}). Run 'shardpaxos verify'.`
  throw new StoreError('GROUP_DAMAGED', message, { path: env.path, group })
}
