import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { accepted, head } from './support/records.js'
import { DISK_CALLS, readTrace, type SystemCall, straceArguments, straceMissing } from './support/system-calls.js'
import { difference, expectations, VOTER, workload } from './support/workload.js'

const seed = 5
const commits = 40
/** Of a journal: every commit goes through LMDB, or nearly none. */
const NO_ROOM = 4096
const ROOM = 1 << 20
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
function traced(journalBytes: number, ...options: string[]): string[] {
  rmSync(path, { recursive: true, force: true })
  const command = [process.execPath, script, path, `${seed}`, `${commits}`, JSON.stringify({ journalBytes })]
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
  expectFailure(traced(NO_ROOM, '-e', 'inject=fdatasync:error=EIO:when=25'), 'STORAGE_FAILED')
})

testIfTraced('no space at the flush, as on a network disk, ends in DISK_FULL', () => {
  expectFailure(traced(NO_ROOM, '-e', 'inject=fdatasync:error=ENOSPC:when=20'), 'DISK_FULL')
})

/** strace counts the calls of one name; which of them goes to a file's synchronous descriptor is known from a run before. */
function synchronousWrite(journalBytes: number, file: string, ordinal: number): number {
  traced(journalBytes)
  const calls = readTrace(join(directory, 'trace'))
  const isOpening = ({ name, args, data }: SystemCall) =>
    name === 'openat' && args.includes('O_DSYNC') && data.toString() === join(path, file)
  const fd = calls.find(isOpening)?.result
  const writes = calls.filter(({ name }) => name === 'pwrite64')
  return writes.map((call, i) => (call.fd === fd ? i + 1 : 0)).filter((place) => place > 0)[ordinal] as number
}

testIfTraced('a failed write of the meta page, after which LMDB is of no use', () => {
  const when = synchronousWrite(NO_ROOM, 'data.mdb', 20)
  expectFailure(traced(NO_ROOM, '-e', `inject=pwrite64:error=EIO:when=${when}`), 'STORAGE_FAILED')
})

testIfTraced.each([
  ['EIO', 'STORAGE_FAILED'],
  ['ENOSPC', 'DISK_FULL'],
])('%s of a write to the journal ends in %s, again at every later call, and loses nothing', (error, code) => {
  const when = synchronousWrite(ROOM, 'journal', 20)
  expectFailure(traced(ROOM, '-e', `inject=pwrite64:error=${error}:when=${when}`), code)
})

/** Calls `body` with a file system of 4 MB, one of them taken by the file `fill`. */
function withSmallDisk(body: (fill: string) => void): void {
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
    body(fill)
  } finally {
    spawnSync('umount', [disk])
  }
}

test.each([
  ['without a journal', NO_ROOM],
  ['with a journal', 128 << 10],
])(
  'a full disk is met between two transactions; when there is space the store opens and goes on: %s',
  (_name, journalBytes) => {
    withSmallDisk((fill) => {
      const open = () => new LmdbLogStore({ path, voterId: VOTER, journalBytes })
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
      // What the journal has cannot be taken up, and stays where it is.
      if (journalBytes !== NO_ROOM) for (let i = 0; i < 2; i++) expect(open).toThrow(full)
      rmSync(fill)
      store = open()
      expect(store.load(0)?.head.lastAccepted).toBe(last)
      for (let i = 0; i < 20; i++) append()
      store.close()
      store = open()
      expect(store.load(0)?.head.lastAccepted).toBe(last)
      expect(store.read(0, 1, last, Number.MAX_SAFE_INTEGER).length).toBe(last)
      store.close()
    })
  },
)
