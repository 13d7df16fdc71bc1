import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { buildIoShim, IoShim } from './io-shim.js'

const directory = mkdtempSync(join(tmpdir(), 'io-shim-'))
const built = buildIoShim(directory)
if ('missing' in built) console.log(`the shim of system calls is not tested: ${built.missing}`)
const testIfBuilt = 'missing' in built ? test.skip : test
afterAll(() => rmSync(directory, { recursive: true }))

// Says what each call came to: `ok`, or the error's code.
const SCRIPT = `
const fs = require('node:fs')
const { O_RDWR, O_CREAT, O_DSYNC } = fs.constants
const [path] = process.argv.slice(1)
const plain = fs.openSync(path, O_RDWR | O_CREAT)
const synchronous = fs.openSync(path, O_RDWR | O_DSYNC)
const said = []
const tell = (call) => { try { call(); said.push('ok') } catch (error) { said.push(error.code) } }
tell(() => fs.writeSync(plain, 'abcdefghij', 0))
tell(() => fs.writeSync(plain, 'klmnopqrst', 10))
tell(() => fs.writeSync(synchronous, 'XY', 0))
tell(() => fs.writevSync(plain, [Buffer.from('uv'), Buffer.from('wx')], 20))
tell(() => fs.fdatasyncSync(plain))
tell(() => fs.fsyncSync(plain))
tell(() => fs.ftruncateSync(plain, 100))
tell(() => fs.renameSync(path, path + '.moved'))
fs.writeSync(1, said.join(' '))
`

function run(rules: (shim: IoShim) => void) {
  if ('missing' in built) throw new Error(built.missing)
  const path = join(directory, 'file')
  for (const old of [path, `${path}.moved`]) rmSync(old, { force: true })
  const shim = new IoShim(built.library, join(directory, 'rules'))
  try {
    rules(shim)
    const env = { ...process.env, ...shim.env }
    const { stdout, signal } = spawnSync(process.execPath, ['-e', SCRIPT, path], { encoding: 'utf8', env })
    const file = () => readFileSync(signal === null && stdout.endsWith('ok') ? `${path}.moved` : path, 'utf8')
    return { said: stdout.split(' '), signal, file, count: shim.count(0) }
  } finally {
    shim.close()
  }
}

testIfBuilt('without rules, and with rules for other files, everything passes', () => {
  const all = Array(8).fill('ok')
  expect(run(() => {}).said).toEqual(all)
  expect(run((shim) => shim.set(0, { calls: ['write', 'flush'], path: '/elsewhere', error: 'EIO' })).said).toEqual(all)
})

testIfBuilt('a rule fails the calls that it names, and no others', () => {
  const said = (calls: Parameters<IoShim['set']>[1]) => run((shim) => shim.set(0, calls)).said.join(' ')
  const path = directory
  expect(said({ calls: ['write'], path, error: 'EIO' })).toBe('EIO EIO ok EIO ok ok ok ok')
  expect(said({ calls: ['synchronous-write'], path, error: 'EIO' })).toBe('ok ok EIO ok ok ok ok ok')
  expect(said({ calls: ['flush'], path, error: 'ENOSPC' })).toBe('ok ok ok ok ENOSPC ENOSPC ok ok')
  expect(said({ calls: ['extend'], path, error: 'ENOSPC' })).toBe('ok ok ok ok ok ok ENOSPC ok')
  expect(said({ calls: ['rename'], path, error: 'EIO' })).toBe('ok ok ok ok ok ok ok EIO')
})

testIfBuilt('some pass first, and only so many fail; both are counted', () => {
  const { said, count } = run((shim) =>
    shim.set(0, { calls: ['write', 'flush'], path: directory, error: 'EIO', skip: 1, times: 2 }),
  )
  expect(said.join(' ')).toBe('ok EIO ok EIO ok ok ok ok')
  expect(count).toEqual({ seen: 5, hit: 2 })
})

testIfBuilt('a torn write leaves the beginning of its bytes', () => {
  const { said, file } = run((shim) =>
    shim.set(0, { calls: ['write'], path: directory, error: 'ENOSPC', skip: 2, torn: 0.75 }),
  )
  expect(said.slice(0, 4)).toEqual(['ok', 'ok', 'ok', 'ENOSPC'])
  expect(file().slice(0, 24)).toBe('XYcdefghijklmnopqrstuvw\0')
})

testIfBuilt('the process dies before or after a call', () => {
  const kill = (when: 'before' | 'after') =>
    run((shim) => shim.set(0, { calls: ['synchronous-write'], path: directory, kill: when }))
  const before = kill('before')
  expect([before.signal, before.file().slice(0, 4)]).toEqual(['SIGKILL', 'abcd'])
  const after = kill('after')
  expect([after.signal, after.file().slice(0, 4)]).toEqual(['SIGKILL', 'XYcd'])
})

testIfBuilt('a delay passes before the call is carried out', () => {
  const began = performance.now()
  const { said } = run((shim) => shim.set(0, { calls: ['flush'], path: directory, delayMs: 150 }))
  expect(performance.now() - began).toBeGreaterThanOrEqual(300)
  expect(said).toEqual(Array(8).fill('ok'))
})
