import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { makeWorkDir, removeWorkDir } from '../../native-bench/work-dir.js'
import { buildShim, Calls, type ClockBend, type IoFault, IoShim } from './io-shim.js'

const directory = makeWorkDir('shim')
const library = join(directory, 'io-shim.so')
const missing = buildShim(library)
if (missing !== undefined) console.log(`injected errors are not tested: ${missing}`)
const testIfBuilt = missing === undefined ? test : test.skip

/** Flushes, or writes a synchronous or another descriptor, whenever it is told to, and says how it went. */
const PROGRAM = `
const fs = require('node:fs')
const [dir] = process.argv.slice(1)
const other = fs.openSync(dir + '/hit', 'w')
const sync = fs.openSync(dir + '/hit', fs.constants.O_WRONLY | fs.constants.O_DSYNC)
const elsewhere = fs.openSync(dir + '/spared', 'w')
const calls = {
  flush: () => fs.fdatasyncSync(other),
  fsync: () => fs.fsyncSync(other),
  elsewhere: () => fs.fdatasyncSync(elsewhere),
  synchronousWrite: () => fs.writeSync(sync, 'x', 0),
  otherWrite: () => fs.writeSync(other, 'x', 0),
}
require('node:readline').createInterface({ input: process.stdin }).on('line', (name) => {
  const began = process.hrtime.bigint()
  let said = 'ok'
  try { calls[name]() } catch (error) { said = error.code }
  console.log(said + ' ' + Number(process.hrtime.bigint() - began) / 1e6)
})
console.log('ready')
`

class Program {
  readonly shim = new IoShim(library, join(directory, `control-${Math.random()}`))
  readonly #child
  readonly #lines: AsyncIterator<string>

  constructor(bend: ClockBend = { permille: 1000, offsetSeconds: 0 }, code = PROGRAM) {
    this.#child = spawn(process.execPath, ['-e', code, directory], {
      env: { ...process.env, ...this.shim.env(bend) },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
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
  if (missing !== undefined) return
  program = new Program()
  await program.line()
})
afterAll(async () => {
  await program?.end()
  removeWorkDir(directory)
})

const fault = (change: Partial<IoFault>): IoFault => ({
  calls: Calls.flush,
  error: 'EIO',
  delayMs: 0,
  oneIn: 1,
  errors: -1,
  match: '/hit',
  ...change,
})
const say = async (...names: string[]): Promise<string[]> => {
  const said: string[] = []
  for (const name of names) said.push((await program.call(name)).said)
  return said
}

testIfBuilt('nothing fails before it is told to, nor afterwards', async () => {
  expect(await say('flush', 'synchronousWrite', 'otherWrite')).toEqual(['ok', 'ok', 'ok'])
  program.shim.inject(fault({}))
  program.shim.clear()
  expect(await say('flush')).toEqual(['ok'])
})

testIfBuilt('only the calls and files that are meant are hit, and they are counted', async () => {
  program.shim.inject(fault({}))
  const said = await say('flush', 'fsync', 'elsewhere', 'synchronousWrite', 'otherWrite')
  expect(said).toEqual(['EIO', 'EIO', 'ok', 'ok', 'ok'])
  expect(program.shim.hits).toBe(2)
  program.shim.inject(fault({ calls: Calls.synchronousWrite, error: 'ENOSPC' }))
  expect(program.shim.hits).toBe(0)
  expect(await say('flush', 'synchronousWrite', 'otherWrite')).toEqual(['ok', 'ENOSPC', 'ok'])
  program.shim.inject(fault({ calls: Calls.otherWrite }))
  expect(await say('synchronousWrite', 'otherWrite')).toEqual(['ok', 'EIO'])
  program.shim.clear()
})

testIfBuilt('so many errors, or one call in so many', async () => {
  program.shim.inject(fault({ errors: 2 }))
  expect(await say('flush', 'flush', 'flush')).toEqual(['EIO', 'EIO', 'ok'])
  program.shim.inject(fault({ oneIn: 3 }))
  const said = await say(...Array.from({ length: 9 }, () => 'flush'))
  expect(said.filter((word) => word === 'EIO')).toHaveLength(3)
  program.shim.clear()
})

testIfBuilt('a call without an error is late', async () => {
  program.shim.inject(fault({ error: 'none', delayMs: 50 }))
  const { said, ms } = await program.call('flush')
  program.shim.clear()
  expect(said).toBe('ok')
  expect(ms).toBeGreaterThanOrEqual(49)
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
  const bent = new Program({ permille: 3000, offsetSeconds: 3600 }, CLOCKS)
  const [seen, day] = (await bent.line()).split(' ').map(Number)
  const real = performance.now() - began
  await bent.end()
  // It waited until its own clock said so, and that is a third of the time: neither is a matter of the machine's speed.
  expect(seen).toBeGreaterThanOrEqual(1_500)
  expect(real).toBeGreaterThanOrEqual(500)
  expect(seen).toBeGreaterThan(0)
  expect(day! - Date.now()).toBeGreaterThan(3_500_000)
})
