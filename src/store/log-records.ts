import type { GroupIndex, Instance } from '../base/numbers.js'
import { decodeHead, type HeadFlaw, type StoredHead } from '../codec/head.js'
import { decodeRecord, RECORD_HEADER_BYTES } from '../codec/record.js'
import type { LogRecord } from '../core/durable.js'
import { headKey, KEY_BYTES, recordKey } from './log-keys.js'
import { StoreError } from './store-error.js'

/** An environment within a transaction: see `get` of LmdbEnvironment. */
export interface OpenLog {
  readonly path: string
  readonly lastLength: number
  get(key: Uint8Array): Uint8Array | undefined
}

const key = new Uint8Array(KEY_BYTES)

/** As `LogStore.read`. */
export function recordsOf(
  log: OpenLog,
  group: GroupIndex,
  from: Instance,
  upTo: Instance,
  maxBytes: number,
): LogRecord[] {
  const records: LogRecord[] = []
  let bytes = 0
  for (let instance = from; instance <= upTo; instance++) {
    const found = log.get(recordKey(key, group, instance))
    if (found === undefined) break
    const length = log.lastLength
    bytes += length - RECORD_HEADER_BYTES
    if (bytes > maxBytes && records.length > 0) break
    const record = decodeRecord(found, group, instance, length)
    if (typeof record !== 'string') records.push(record)
    else if (records.length > 0) break
    else throw damagedRecord(log.path, group, instance, record)
  }
  return records
}

export function headCopyOf(log: OpenLog, group: GroupIndex, copy: 0 | 1): StoredHead | HeadFlaw | 'missing' {
  const bytes = log.get(headKey(key, group, copy))
  return bytes === undefined ? 'missing' : decodeHead(bytes, group, log.lastLength)
}

function damagedRecord(path: string, group: GroupIndex, instance: Instance, flaw: string): StoreError {
  const message = `Record ${instance} of group ${group} in ${path} is damaged (${flaw}). A peer can give it again.`
  return new StoreError('RECORD_DAMAGED', message, { path, group, instance })
}
