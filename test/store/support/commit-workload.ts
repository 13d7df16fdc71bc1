// A process of its own: commits a known workload and says `ack n` after each commit. Arguments: directory, seed,
// number of commits, options of the store as JSON (`unsafeOverrides`, `journalBytes`, `isRelaxed`), the commit to go on from, and the one
// after which it kills itself. If one fails: `failed`, the code, and the codes of two later calls.
import { writeSync } from 'node:fs'
import { LmdbLogStore } from '../../../src/store/lmdb-log-store.js'
import { GROUPS, VOTER, workload } from './workload.js'

const [path = '', seed, commits, options = '{}', from = '0', deadAfter] = process.argv.slice(2)
const { isRelaxed = false, ...others } = JSON.parse(options)
const store = new LmdbLogStore({ path, voterId: VOTER, ...others })
try {
  if (from === '0') {
    store.create(GROUPS)
    writeSync(1, 'ack 0\n')
  } else for (const group of GROUPS) store.load(group)
  store.setRelaxed(isRelaxed)
  for (const [i, writes] of workload(Number(seed), Number(commits)).entries()) {
    if (i < Number(from)) continue
    store.commit(writes)
    if (i % 10 === 0) store.flush()
    store.endRound()
    writeSync(1, `ack ${i + 1}\n`)
    if (i + 1 === Number(deadAfter)) process.kill(process.pid, 'SIGKILL')
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
