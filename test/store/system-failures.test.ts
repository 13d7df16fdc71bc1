import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { accepted, head } from './support/records.js'
import { DISK_CALLS, readTrace, straceArguments, straceMissing } from './support/system-calls.js'
import { difference, expectations, VOTER, workload } from './support/workload.js'

const seed = 5
const commits = 40
const script = fileURLToPath(new URL('./support/commit-workload.js', import.meta.url))
const missing = straceMissing()
const testIfTraced = missing === undefined ? test : test.skip
if (missing !== undefined) console.log(`failures of the system are not tested: ${missing}`)

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'system-failures-'))
  path = join(directory, 'log')
})
afterEach(() => rmSync(directory, { recursive: true }))

/** Runs the workload under strace with more options for it; returns what it said. */
function traced(...options: string[]): string[] {
  rmSync(path, { recursive: true, force: true })
  const command = [process.execPath, script, path, String(seed), String(commits)]
  const args = [...straceArguments(join(directory, 'trace'), DISK_CALLS), ...options, ...command]
  return spawnSync('strace', args, { encoding: 'utf8' }).stdout.trimEnd().split('\n')
}

function expectFailure(lines: string[], code: string): void {
  const acknowledged = lines.filter((line) => line.startsWith('ack ')).length - 1
  expect(acknowledged).toBeGreaterThan(4)
  expect(lines.at(-1)).toBe(`failed ${code} then ${code} ${code}`)
  const expected = expectations(workload(seed, commits))
  const store = new LmdbLogStore({ path, voterId: VOTER })
  const now = difference(store, expected[acknowledged] ?? new Map())
  const next = difference(store, expected[acknowledged + 1] ?? new Map())
  store.close()
  expect([now, next]).toContain(undefined)
}

testIfTraced('a failed flush ends in STORAGE_FAILED, again at every later call, and loses nothing', () => {
  expectFailure(traced('-e', 'inject=fdatasync:error=EIO:when=25'), 'STORAGE_FAILED')
})

testIfTraced('no space at the flush, as on a network disk, ends in DISK_FULL', () => {
  expectFailure(traced('-e', 'inject=fdatasync:error=ENOSPC:when=20'), 'DISK_FULL')
})

testIfTraced('a failed write of the meta page, after which LMDB is of no use', () => {
  traced()
  // strace counts the calls of one name; which of them goes to the synchronous descriptor is known from a run before.
  const calls = readTrace(join(directory, 'trace'))
  const meta = calls.find(({ name, args }) => name === 'openat' && args.includes('O_DSYNC'))?.result
  const writes = calls.filter(({ name }) => name === 'pwrite64')
  const twentieth = writes.map(({ fd }, i) => (fd === meta ? i + 1 : 0)).filter((ordinal) => ordinal > 0)[20]
  expectFailure(traced('-e', `inject=pwrite64:error=EIO:when=${twentieth}`), 'STORAGE_FAILED')
})

test('a full disk is met between two transactions; when there is space the store opens and goes on', () => {
  const disk = join(directory, 'disk')
  mkdirSync(disk)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]).status !== 0) {
    console.log('a full disk is not tested: no file system may be mounted here')
    return
  }
  try {
    const fill = join(disk, 'fill')
    writeFileSync(fill, Buffer.alloc(1 << 20))
    path = join(disk, 'log')
    const open = () => new LmdbLogStore({ path, voterId: VOTER })
    let store = open()
    store.create([0])
    let last = 0
    const append = () => {
      const to = head({ promised: 65537, chosenUpTo: last, lastAccepted: last + 1 })
      store.commit([{ group: 0, records: [accepted(last + 1, 65537, 6000)], head: to }])
      last++
    }
    const full = expect.objectContaining({ code: 'DISK_FULL', path })
    expect(() => {
      for (;;) append()
    }).toThrow(full)
    expect(append).toThrow(full)
    store.close()
    rmSync(fill)
    store = open()
    expect(store.load(0)?.head.lastAccepted).toBe(last)
    for (let i = 0; i < 20; i++) append()
    store.close()
    store = open()
    expect(store.load(0)?.head.lastAccepted).toBe(last)
    store.close()
  } finally {
    spawnSync('umount', [disk])
  }
})
