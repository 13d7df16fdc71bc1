import { join } from 'node:path'
import { LmdbEnvironment } from '../../src/store/lmdb-environment.js'
import { bytesName, type PartRow, percentile } from './part.js'

const RECORDS = [1, 16, 256]
const VALUE_BYTES = [100, 1024, 16 * 1024]

/** Durable commits of ascending keys, as the log makes them: flushes are in them. */
export function lmdbRows(directory: string, ms: number): PartRow[] {
  return VALUE_BYTES.flatMap((bytes) => RECORDS.map((records) => oneRow(directory, records, bytes, ms)))
}

function oneRow(directory: string, records: number, bytes: number, ms: number): PartRow {
  const env = new LmdbEnvironment({ path: join(directory, `lmdb-${records}-${bytes}`) })
  const key = Buffer.alloc(8)
  const value = new Uint8Array(bytes).fill(7)
  const tookMs: number[] = []
  let next = 0
  const began = performance.now()
  for (let before = began; before - began < ms; ) {
    env.write(bytes * records, records, () => {
      for (let i = 0; i < records; i++) {
        key.writeUInt32BE(next++, 4)
        env.put(key, value)
      }
    })
    const now = performance.now()
    tookMs.push(now - before)
    before = now
  }
  env.close()
  const seconds = tookMs.reduce((sum, each) => sum + each, 0) / 1000
  return {
    part: 'lmdb',
    what: `${records} x ${bytesName(bytes)} a commit`,
    figures: {
      'commits/s': tookMs.length / seconds,
      'records/s': (tookMs.length * records) / seconds,
      'MB/s': (tookMs.length * records * bytes) / seconds / 1e6,
      'p50 ms': percentile(tookMs, 0.5),
      'p99 ms': percentile(tookMs, 0.99),
    },
  }
}
