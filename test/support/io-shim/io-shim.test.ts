import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { makeWorkDir, removeWorkDir } from '../../../native-bench/work-dir.js'
import { type ClockBend, clockBendEnv } from './clock-bend.js'
import { buildIoShim, type IoRule, IoShim } from './io-shim.js'

const directory = makeWorkDir('shim')
const built = buildIoShim(directory)
if ('missing' in built) console.log(`the shim of system calls is not tested: ${built.missing}`)
const testIfBuilt = 'missing' in built ? test.skip : test

/** Makes the call that it is told to, and says how it went. */
const PROGRAM = `
const fs = require('node:fs')
const [dir] = process.argv.slice(1)
const hit = dir + '/hit'
const plain = fs.openSync(hit, 'w')
const synchronous = fs.openSync(hit, fs.constants.O_WRONLY | fs.constants.O_DSYNC)
const end = fs.openSync(hit, 'a')
const elsewhere = fs.openSync(dir + '/spared', 'w')
const calls = {
  write: () => fs.writeSync(plain, 'abcdefghij', 0),
  synchronousWrite: () => fs.writeSync(synchronous, 'XY', 0),
  writev: () => fs.writevSync(plain, [Buffer.from('kl'), Buffer.from('mn')], 10),
  append: () => fs.writeSync(end, 'opqr'),
  appendv: () => fs.writevSync(end, [Buffer.from('st'), Buffer.from('uv')]),
  fdatasync: () => fs.fdatasyncSync(plain),
  fsync: () => fs.fsyncSync(plain),
  rename: () => {
    fs.writeFileSync(dir + '/other', '')
    fs.renameSync(dir + '/other', hit + '-moved')
  },
  elsewhere: () => {
    fs.writeSync(elsewhere, 'x')
    fs.fsyncSync(elsewhere)
  },
}
require('node:readline').createInterface({ input: process.stdin }).on('line', (name) => {
  const began = process.hrtime.bigint()
  let said = 'ok'
  try { calls[name]() } catch (error) { said = error.code }
  console.log(said + ' ' + Number(process.hrtime.bigint() - began) / 1e6)
})
console.log('ready')
`
const ALL = 'write synchronousWrite writev append appendv fdatasync fsync rename elsewhere'

class Program {
  readonly shim: IoShim
  readonly #child
  readonly #lines: AsyncIterator<string>

  constructor(code = PROGRAM, bend?: ClockBend) {
    if ('missing' in built) throw new Error(built.missing)
    this.shim = new IoShim(built.library, join(directory, `rule-${Math.random()}`))
    const env = { ...process.env, ...this.shim.env, ...(bend && clockBendEnv(bend)) }
    this.#child = spawn(process.execPath, ['-e', code, directory], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async line(): Promise<string> {
    return String((await this.#lines.next()).value)
  }

  async call(name: string): Promise<{ said: string; ms: number }> {
    this.#child.stdin.write(`${name}\n`)
    const [said, ms] = (await this.line()).split(' ')
    return { said: said!, ms: Number(ms) }
  }

  async end(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.stdin.end()
    await exited
    this.shim.close()
  }
}

let program: Program
beforeAll(async () => {
  if ('missing' in built) return
  program = new Program()
  await program.line()
})
afterAll(async () => {
  await program?.end()
  removeWorkDir(directory)
})

/** What each call came to under the rule: `ok`, or the error's code. */
async function say(names: string, rule?: Partial<IoRule>): Promise<string> {
  const { shim } = program
  shim.clear()
  if (rule !== undefined) shim.set({ calls: ['flush'], path: '/hit', ...rule })
  const said: string[] = []
  for (const name of names.split(' ')) said.push((await program.call(name)).said)
  return said.join(' ')
}

testIfBuilt('without a rule, with one for other files, and after one was taken back, all passes', async () => {
  const passes = 'ok ok ok ok ok ok ok ok ok'
  expect(await say(ALL)).toBe(passes)
  const calls = ['write', 'synchronous-write', 'flush', 'rename'] as const
  expect(await say(ALL, { calls, error: 'EIO', path: '/nowhere' })).toBe(passes)
  expect(await say(ALL, { calls, error: 'EIO' })).toBe('EIO EIO EIO EIO EIO EIO EIO EIO ok')
  expect(await say(ALL)).toBe(passes)
})

testIfBuilt('a rule fails the calls and the files that it names, and no others', async () => {
  expect(await say(ALL, { calls: ['write'], error: 'EIO' })).toBe('EIO ok EIO EIO EIO ok ok ok ok')
  expect(await say(ALL, { calls: ['synchronous-write'], error: 'ENOSPC' })).toBe('ok ENOSPC ok ok ok ok ok ok ok')
  expect(await say(ALL, { calls: ['flush'], error: 'ENOSPC' })).toBe('ok ok ok ok ok ENOSPC ENOSPC ok ok')
  expect(await say(ALL, { calls: ['rename'], error: 'EIO' })).toBe('ok ok ok ok ok ok ok EIO ok')
})

testIfBuilt('some pass first, and only so many fail; both are counted, for each rule anew', async () => {
  const rule = { calls: ['write', 'flush'], error: 'EIO', skip: 1, times: 2 } as const
  expect(await say('write writev synchronousWrite append fdatasync fsync', rule)).toBe('ok EIO ok EIO ok ok')
  expect(program.shim.count).toEqual({ seen: 5, hit: 2 })
  expect(await say('fdatasync elsewhere', { error: 'EIO' })).toBe('EIO ok')
  expect(program.shim.count).toEqual({ seen: 1, hit: 1 })
})

testIfBuilt('one call in so many fails', async () => {
  const nine = Array(9).fill('fsync').join(' ')
  expect(await say(nine, { error: 'EIO', oneIn: 3 })).toBe('ok ok EIO ok ok EIO ok ok EIO')
  expect(await say(nine, { error: 'EIO', oneIn: 3, skip: 1, times: 2 })).toBe('ok ok ok EIO ok ok EIO ok ok')
})

testIfBuilt('a torn write leaves the beginning of its bytes', async () => {
  const path = join(directory, 'hit')
  truncateSync(path)
  const rule = { calls: ['write'], error: 'ENOSPC' } as const
  expect(await say('write synchronousWrite writev', { ...rule, skip: 1, torn: 0.75 })).toBe('ok ok ENOSPC')
  expect(readFileSync(path, 'utf8')).toBe('XYcdefghijklm')
  expect(await say('append appendv', { ...rule, torn: 0.5 })).toBe('ENOSPC ENOSPC')
  expect(readFileSync(path, 'utf8')).toBe('XYcdefghijklmopst')
  expect(await say('append appendv', { ...rule, torn: 1, times: 1 })).toBe('ENOSPC ok')
  expect(readFileSync(path, 'utf8')).toBe('XYcdefghijklmopstopqrstuv')
})

testIfBuilt('a call without an error is carried out late', async () => {
  program.shim.set({ calls: ['flush'], path: '/hit', delayMs: 150 })
  for (const name of ['fdatasync', 'fsync']) {
    const { said, ms } = await program.call(name)
    expect(said).toBe('ok')
    expect(ms).toBeGreaterThanOrEqual(150)
  }
})

/** Says what its clocks and its parked threads make of a time that the parent measures too. */
const CLOCKS = `
const cell = new Int32Array(new SharedArrayBuffer(4))
const [began, day] = [performance.now(), Date.now()]
Atomics.wait(cell, 0, 0, 1500)
console.log(Math.round(performance.now() - began), day)
`

testIfBuilt('a clock that runs three times as fast, an hour ahead', async () => {
  const began = performance.now()
  const bent = new Program(CLOCKS, { permille: 3000, offsetSeconds: 3600 })
  const [seen, day] = (await bent.line()).split(' ').map(Number)
  const real = performance.now() - began
  await bent.end()
  // It waited until its own clock said so, and that is a third of the time: neither is a matter of the machine's speed.
  expect(seen).toBeGreaterThanOrEqual(1_500)
  expect(real).toBeGreaterThanOrEqual(500)
  expect(seen).toBeGreaterThan(0)
  expect(day! - Date.now()).toBeGreaterThan(3_500_000)
})
