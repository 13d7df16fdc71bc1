import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { EMPTY_HEAD } from '../../src/core/durable.js'
import { DataDirLock, holderOf } from '../../src/store/data-dir-lock.js'
import { lockPath } from '../../src/store/data-layout.js'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { environmentStamp, LmdbReadOnly } from '../../src/store/lmdb-read-only.js'
import { headCopyOf } from '../../src/store/log-records.js'

const voterId = '00112233445566aa'
let directory: string
let path: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'shardpaxos-read-only-'))
  path = join(directory, 'log')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function madeStore(): LmdbLogStore {
  const store = new LmdbLogStore({ path, voterId })
  store.create([3])
  return store
}

const promised = (env: LmdbReadOnly) => {
  const copy = env.view(() => headCopyOf(env, 3, 0))
  return typeof copy === 'string' ? copy : copy.head.promised
}

test('an environment that nobody has is read without a trace, and another commit is another stamp', () => {
  const store = madeStore()
  store.close()
  rmSync(join(path, 'lock.mdb'))
  const before = readFileSync(join(path, 'data.mdb'))
  const env = new LmdbReadOnly(path)
  expect(promised(env)).toBe(0)
  expect(env.view(() => [...env.keys()].length)).toBeGreaterThan(4)
  const stamp = environmentStamp(path, true)
  env.close()
  expect(readdirSync(path)).toEqual(['data.mdb', 'journal'])
  expect(readFileSync(join(path, 'data.mdb'))).toEqual(before)
  expect(environmentStamp(path, true)).toBe(stamp)
  const again = new LmdbLogStore({ path, voterId })
  again.load(3)
  again.commit([{ group: 3, records: [], head: { ...EMPTY_HEAD, promised: 65_537 } }])
  again.close()
  expect(environmentStamp(path, true)).not.toBe(stamp)
  const other = new LmdbReadOnly(path)
  expect(promised(other)).toBe(65_537)
  other.close()
})

test('no environment is made where there is none', () => {
  expect(() => new LmdbReadOnly(path)).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
  expect(readdirSync(directory)).toEqual([])
  expect(environmentStamp(path, true)).toBe('gone')
})

test('an owner that has lost its hold on the lock file is left alone, and goes on committing', () => {
  const store = madeStore()
  store.load(3)
  // Whatever closes the file in a process gives up all locks that this process has on it.
  closeSync(openSync(join(path, 'lock.mdb'), 'r'))
  expect(() => new LmdbReadOnly(path, process.pid)).toThrow(expect.objectContaining({ code: 'DATA_DIR_IN_USE' }))
  store.commit([{ group: 3, records: [], head: { ...EMPTY_HEAD, promised: 65_537 } }])
  store.close()
  // Nobody has it, although somebody is said to.
  expect(() => new LmdbReadOnly(path, process.pid)).toThrow(expect.objectContaining({ code: 'DATA_DIR_IN_USE' }))
})

test('whoever holds a data directory is seen, and what can be known of it', () => {
  expect(holderOf(directory)).toBeUndefined()
  const lock = DataDirLock.take(directory)
  expect(holderOf(directory)).toBe(process.pid)
  const holder = JSON.parse(readFileSync(lockPath(directory), 'utf8'))
  const changed = (change: object) => {
    writeFileSync(lockPath(directory), JSON.stringify({ ...holder, ...change }))
    return holderOf(directory)
  }
  expect(changed({ startedAt: '1' })).toBeUndefined()
  expect(changed({ bootId: 'another' })).toBeUndefined()
  expect(changed({ pidNamespace: 'pid:[1]' })).toBe('elsewhere')
  expect(changed({ pidNamespace: 'pid:[1]', bootId: 'another' })).toBeUndefined()
  writeFileSync(lockPath(directory), '{"pid"')
  expect(holderOf(directory)).toBeUndefined()
  lock.release()
})
