// A process of its own: commits a known workload and says `ack n` after each commit. Arguments: directory, seed,
// number of commits, and options of LMDB as JSON with which the store is made unsafe.
// If one fails: `failed`, the code, and the codes of two later calls.
import { writeSync } from 'node:fs'
import { LmdbLogStore } from '../../../src/store/lmdb-log-store.js'
import { GROUPS, VOTER, workload } from './workload.js'

const [path = '', seed, commits, overrides = '{}'] = process.argv.slice(2)
const store = new LmdbLogStore({ path, voterId: VOTER, unsafeOverrides: JSON.parse(overrides) })
try {
  store.create(GROUPS)
  writeSync(1, 'ack 0\n')
  for (const [i, writes] of workload(Number(seed), Number(commits)).entries()) {
    store.commit(writes)
    store.endRound()
    writeSync(1, `ack ${i + 1}\n`)
  }
  store.close()
} catch (error) {
  const later = [() => store.load(0), () => store.commit([])].map(codeThrown)
  writeSync(1, `failed ${(error as { code?: string }).code} then ${later.join(' ')}\n`)
}

function codeThrown(call: () => unknown): string {
  try {
    call()
    return 'nothing'
  } catch (error) {
    return String((error as { code?: string }).code)
  }
}
