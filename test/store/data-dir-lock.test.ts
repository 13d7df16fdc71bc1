import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { DataDirLock } from '../../src/store/data-dir-lock.js'
import { lockPath } from '../../src/store/data-layout.js'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lock-'))
})
afterEach(() => rmSync(dataDir, { recursive: true }))

const inUse = expect.objectContaining({ code: 'DATA_DIR_IN_USE' })

/** A process that takes the lock and says how that went. */
function holder(): ChildProcess {
  const script = fileURLToPath(new URL('support/hold-lock.js', import.meta.url))
  return spawn(process.execPath, [script, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] })
}

async function said(child: ChildProcess): Promise<string> {
  const [line] = await once(child.stdout ?? child, 'data')
  return String(line).trim()
}

test('taken once, also within one process, until it is released; nothing else stays behind', () => {
  const lock = DataDirLock.take(dataDir)
  expect(() => DataDirLock.take(dataDir)).toThrow(inUse)
  lock.release()
  const again = DataDirLock.take(dataDir)
  lock.release()
  expect(() => DataDirLock.take(dataDir)).toThrow(inUse)
  again.release()
  expect(readdirSync(dataDir)).toEqual([])
})

test('held by another process until that is killed', async () => {
  const child = holder()
  expect(await said(child)).toBe('held')
  expect(() => DataDirLock.take(dataDir)).toThrow(inUse)
  child.kill('SIGKILL')
  await once(child, 'exit')
  DataDirLock.take(dataDir).release()
})

test('a living process that got the number of a dead one, or an earlier boot, does not hold it', () => {
  const lock = DataDirLock.take(dataDir)
  const content = JSON.parse(readFileSync(lockPath(dataDir), 'utf8'))
  lock.release()
  for (const other of [{ startedAt: '1' }, { bootId: 'another' }, { pidNamespace: 'pid:[1]' }]) {
    writeFileSync(lockPath(dataDir), JSON.stringify({ ...content, ...other }))
    DataDirLock.take(dataDir).release()
  }
  writeFileSync(lockPath(dataDir), '{"pid": 1')
  DataDirLock.take(dataDir).release()
})

test('of several that find a stale lock, one gets it', async () => {
  writeFileSync(lockPath(dataDir), JSON.stringify({ pid: 1, startedAt: 'x' }))
  const children = [holder(), holder(), holder(), holder()]
  const results = await Promise.all(children.map(said))
  expect(results.sort()).toEqual(['DATA_DIR_IN_USE', 'DATA_DIR_IN_USE', 'DATA_DIR_IN_USE', 'held'])
  for (const child of children) child.kill('SIGKILL')
})
