import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { freePorts } from '../../native-bench/free-ports.js'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { buildIoShim, type IoRule, IoShim } from '../support/io-shim/io-shim.js'
import { LoneNodeProcess } from './support/lone-node-process.js'
import { difference, expectations, VOTER, workload } from './support/workload.js'

const scratch = mkdtempSync(join(tmpdir(), 'io-failures-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const built = buildIoShim(scratch)
if ('missing' in built) console.log(`failures of writes and flushes are not tested: ${built.missing}`)
const describeIfBuilt = 'missing' in built ? describe.skip : describe

jest.setTimeout(120_000)

let directory: string
let shim: IoShim
beforeEach(() => {
  directory = mkdtempSync(join(scratch, 'run-'))
  if ('library' in built) shim = new IoShim(built.library, join(directory, 'rules'))
})
afterEach(() => {
  shim?.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Every commit goes through LMDB. */
const WITHOUT_JOURNAL = { journalBytes: 4096 }
/** It is absorbed every few commits. */
const SMALL_JOURNAL = { journalBytes: 64 << 10 }

describeIfBuilt('a store of which one call to the disk fails', () => {
  const seed = 11
  const commits = 40
  const script = fileURLToPath(new URL('./support/commit-workload.js', import.meta.url))
  let expected: ReturnType<typeof expectations>
  beforeAll(() => {
    expected = expectations(workload(seed, commits))
  })

  function run(rule: IoRule, options = {}) {
    const path = join(directory, 'store', 'log')
    rmSync(path, { recursive: true, force: true })
    shim.set(rule)
    const env = { ...process.env, ...shim.env }
    const args = [script, path, `${seed}`, `${commits}`, JSON.stringify(options)]
    const ended = spawnSync(process.execPath, args, { encoding: 'utf8', env })
    expect(shim.count.hit).toBe(1)
    const lines = ended.stdout.trimEnd().split('\n').filter(Boolean)
    const acks = lines.filter((line) => line.startsWith('ack '))
    return { path, lines, acks: acks.length - 1, signal: ended.signal, stderr: ended.stderr }
  }

  /** Everything acknowledged is there, and of the commit that failed all or nothing. */
  function expectNothingLost(path: string, acks: number): void {
    const store = new LmdbLogStore({ path, voterId: VOTER })
    const now = difference(store, expected[acks] ?? new Map())
    const next = difference(store, expected[acks + 1] ?? new Map())
    store.close()
    expect([now, next]).toContain(undefined)
  }

  const rules: [string, string, Omit<IoRule, 'path'>][] = [5, 11, 24, 38].flatMap((skip) => [
    [`flush ${skip} fails`, 'STORAGE_FAILED', { calls: ['flush'], error: 'EIO', skip }],
    [`meta page ${skip} fails`, 'STORAGE_FAILED', { calls: ['synchronous-write'], error: 'EIO', skip }],
    [`meta page ${skip} is torn`, 'STORAGE_FAILED', { calls: ['synchronous-write'], error: 'EIO', skip, torn: 1 }],
    [`flush ${skip} finds no space`, 'DISK_FULL', { calls: ['flush'], error: 'ENOSPC', skip }],
  ])
  test.each(rules)('%s: %s, and again at every later call; nothing is lost', (_name, code, rule) => {
    const { path, lines, acks } = run({ ...rule, path: 'data.mdb', times: 1 }, WITHOUT_JOURNAL)
    expect(acks).toBeGreaterThanOrEqual(0)
    expect(lines.at(-1)).toBe(`failed ${code} then ${code} ${code}`)
    expectNothingLost(path, acks)
  })

  const ofJournal: [string, string, Omit<IoRule, 'path'>][] = [0, 1, 9, 22].flatMap((skip) => [
    [`entry ${skip} fails`, 'STORAGE_FAILED', { calls: ['synchronous-write'], error: 'EIO', skip }],
    [`entry ${skip} finds no space`, 'DISK_FULL', { calls: ['synchronous-write'], error: 'ENOSPC', skip }],
    ...[0.03, 0.5, 0.97, 1].map((torn): [string, string, Omit<IoRule, 'path'>] => [
      `entry ${skip} is torn after ${torn} of it`,
      'STORAGE_FAILED',
      { calls: ['synchronous-write'], error: 'EIO', skip, torn },
    ]),
    // The first such write makes the file.
    [`the mark after entry ${skip} fails`, 'STORAGE_FAILED', { calls: ['write'], error: 'EIO', skip: skip + 1 }],
    [`the mark after entry ${skip} finds no space`, 'DISK_FULL', { calls: ['write'], error: 'ENOSPC', skip: skip + 1 }],
  ])
  test.each(ofJournal)('journal: %s: %s, and again at every later call; nothing is lost', (_name, code, rule) => {
    const { path, lines, acks } = run({ ...rule, path: '/log/journal', times: 1 }, SMALL_JOURNAL)
    expect(acks).toBeGreaterThanOrEqual(0)
    expect(lines.at(-1)).toBe(`failed ${code} then ${code} ${code}`)
    expectNothingLost(path, acks)
  })

  // LMDB takes up the journal: at the third of its meta pages, after the opening and the creation of the groups, and later.
  const absorbing: [string, Omit<IoRule, 'path'>][] = [2, 6].flatMap((skip) => [
    [`meta page ${skip} fails`, { calls: ['synchronous-write'], skip }],
    [`meta page ${skip} is torn`, { calls: ['synchronous-write'], skip, torn: 1 }],
    [`flush ${skip + 3} fails`, { calls: ['flush'], skip: skip + 3 }],
  ])
  test.each(absorbing)('while the journal is absorbed, %s: nothing of it is lost', (_name, rule) => {
    const { path, lines, acks } = run({ ...rule, path: 'data.mdb', error: 'EIO', times: 1 }, SMALL_JOURNAL)
    expect(acks).toBeGreaterThan(0)
    expect(lines.at(-1)).toBe('failed STORAGE_FAILED then STORAGE_FAILED STORAGE_FAILED')
    expectNothingLost(path, acks)
  })

  test.each([
    ['is not written', 'STORAGE_FAILED', { calls: ['write'], error: 'EIO', torn: 0.5 }],
    ['finds no space', 'DISK_FULL', { calls: ['write'], error: 'ENOSPC', torn: 0.5 }],
    ['is not flushed', 'STORAGE_FAILED', { calls: ['flush'], error: 'EIO' }],
    ['does not get its name', 'STORAGE_FAILED', { calls: ['rename'], error: 'EIO' }],
  ] as [string, string, Omit<IoRule, 'path'>][])(
    'a birth at which the journal %s: %s, and it can be done again',
    (_name, code, rule) => {
      const { path, lines, stderr } = run({ ...rule, path: '/log/journal', times: 1 })
      expect(lines).toEqual([])
      expect(stderr).toContain(`code: '${code}'`)
      const again = spawnSync(process.execPath, [script, path, `${seed}`, `${commits}`], { encoding: 'utf8' })
      expect(again.stdout).toContain(`ack ${commits}\n`)
      expectNothingLost(path, commits)
    },
  )

  test.each([8, 30, 55, 80])('page write %i fails: it says so or dies, and never answers after it', (skip) => {
    for (const torn of [0, 0.5]) {
      const rule: IoRule = { path: 'data.mdb', error: 'EIO', calls: ['write'], skip, times: 1, torn }
      const { path, lines, acks, signal } = run(rule, WITHOUT_JOURNAL)
      const last = lines.at(-1)
      const died = signal !== null && /^ack /.test(last ?? '')
      if (!died) expect(last).toBe('failed STORAGE_FAILED then STORAGE_FAILED STORAGE_FAILED')
      expectNothingLost(path, acks)
    }
  })
})

describeIfBuilt('a node whose disk fails under one of its stores', () => {
  let port = 0
  let dataDir = ''
  const lives: LoneNodeProcess[] = []
  const FIRST = '/store-0000/log/data.mdb'
  const JOURNAL = '/store-0000/log/journal'
  /** What makes a commit durable: LMDB's, which comes when the journal is full, and the journal's. */
  const flushes: [string, Pick<IoRule, 'calls' | 'path'>][] = [
    ['a flush', { calls: ['flush'], path: FIRST }],
    ['a write to the journal', { calls: ['synchronous-write'], path: JOURNAL }],
  ]

  beforeEach(async () => {
    dataDir = join(directory, 'data')
    port = (await freePorts(1))[0] as number
  })
  afterEach(async () => {
    for (const life of lives.splice(0)) await life.kill()
  })

  function begin(): LoneNodeProcess {
    const life = new LoneNodeProcess(dataDir, port, shim.env)
    lives.push(life)
    return life
  }

  async function working(): Promise<LoneNodeProcess> {
    const life = begin()
    expect(await life.until(() => life.count('ack 0') >= 3 && life.count('ack 1') >= 3)).toBe(true)
    return life
  }

  /** What the life before acknowledged is there after a restart, and at most what nobody knows of besides. */
  async function expectKept(life: LoneNodeProcess): Promise<void> {
    await life.kill()
    shim.clear()
    const next = begin()
    expect(await next.until(() => next.count('total ') === 2)).toBe(true)
    for (const group of [0, 1]) {
      const acked = life.lines.filter((line) => line.startsWith(`ack ${group} `)).at(-1)
      const unknown = life.lines.filter((line) => line.startsWith(`failed ${group} `) && !line.endsWith('not-applied'))
      const [line = ''] = next.lines.filter((one) => one.startsWith(`total ${group} `))
      const total = Number(line.split(' ')[2])
      const least = Number(acked?.split(' ')[2])
      expect(total).toBeGreaterThanOrEqual(least)
      // The one that was under way when it was killed.
      expect(total).toBeLessThanOrEqual(least + unknown.length + 1)
    }
    expect(await next.until(() => next.count('ack 0') > 0 && next.count('ack 1') > 0)).toBe(true)
  }

  test.each([
    ...flushes,
    ['a torn write to the journal', { calls: ['synchronous-write'], path: JOURNAL, torn: 0.5 }],
    ['a whole one of which it is said', { calls: ['synchronous-write'], path: JOURNAL, torn: 1 }],
    ['the mark of the journal', { calls: ['write'], path: JOURNAL }],
  ] as [string, IoRule][])(
    '%s fails: the group stops and stays so though the disk is whole again; the other one goes on',
    async (_name, rule) => {
      const life = await working()
      shim.set({ ...rule, error: 'EIO', times: 1 })
      expect(await life.until((lines) => lines.includes('state 0 failed'))).toBe(true)
      const from = life.lines.length
      expect(life.lines).toContain('alarm 0 STORAGE_FAILED')
      // Longer than a store waits before it tries again after a full disk.
      expect(await life.until(() => life.count('ack 1', from) >= 50 && life.count('failed 0', from) >= 100)).toBe(true)
      expect(life.count('ack 0', from)).toBe(0)
      expect(life.lines.filter((line) => line.startsWith('alarm')).every((line) => line.startsWith('alarm 0'))).toBe(
        true,
      )
      await expectKept(life)
    },
  )

  test.each(flushes)(
    '%s finds no space: the group stops, and comes back by itself when there is',
    async (_name, rule) => {
      const life = await working()
      shim.set({ ...rule, error: 'ENOSPC' })
      expect(await life.until((lines) => lines.includes('state 0 failed'))).toBe(true)
      expect(life.lines).toContain('alarm 0 DISK_FULL')
      const from = life.lines.length
      expect(await life.until(() => life.count('ack 1', from) >= 50 && life.count('failed 0', from) >= 5)).toBe(true)
      expect(life.count('ack 0', from)).toBe(0)
      shim.clear()
      expect(await life.until(() => life.count('ack 0', from) >= 5)).toBe(true)
      await expectKept(life)
    },
  )

  test.each(flushes)(
    '%s takes long: the group is stalled, callers hear of it, and it goes on when it has ended',
    async (_name, rule) => {
      const life = await working()
      shim.set({ ...rule, delayMs: 1500, times: 1 })
      expect(await life.until((lines) => lines.includes('state 0 stalled'))).toBe(true)
      expect(life.lines.some((line) => /^alarm . STALLED$/.test(line))).toBe(true)
      const from = life.lines.length
      expect(await life.until(() => life.count('ack 0', from) >= 5)).toBe(true)
      expect(life.lines).toContain('state 0 running')
      await expectKept(life)
    },
  )

  test('a page write fails: the process dies or the group stops; nothing that was acknowledged is lost', async () => {
    for (const torn of [0, 0.5]) {
      const life = await working()
      shim.set({ calls: ['write'], path: FIRST, error: 'EIO', times: 1, torn })
      await life.until((lines) => lines.includes('state 0 failed'))
      const from = life.lines.length
      if (!life.isOver) {
        expect(life.lines).toContain('alarm 0 STORAGE_FAILED')
        await life.until(() => life.count('failed 0', from) >= 3)
        expect(life.count('ack 0', from)).toBe(0)
      }
      await expectKept(life)
      for (const one of lives.splice(0)) await one.kill()
    }
  })

  test.each([
    ['the manifest is not renamed', { calls: ['rename'], path: 'manifest.json' }],
    ['the manifest is not flushed', { calls: ['flush'], path: 'manifest.json' }],
    ['a store is not renamed', { calls: ['rename'], path: 'store-0001/log' }],
    ['a store is not flushed', { calls: ['flush'], path: 'store-0001/log.new' }],
    ['a journal is not written', { calls: ['write'], path: 'store-0001/log/journal' }],
    ['a journal is not flushed', { calls: ['flush'], path: 'store-0001/log/journal' }],
    ['a journal is not renamed', { calls: ['rename'], path: 'store-0001/log/journal' }],
    ['a store is not opened', { calls: ['synchronous-write'], path: 'store-0001/log' }],
    ['the groups are not created', { calls: ['synchronous-write'], path: 'store-0001/log', skip: 1 }],
  ] as [string, IoRule][])('a birth at which %s is refused, and can be done again', async (_name, rule) => {
    shim.set({ ...rule, error: 'EIO', times: 1 })
    const life = begin()
    await life.until((lines) => lines.some((line) => /^(refused|ack|alarm|state)/.test(line)))
    expect(shim.count.hit).toBe(1)
    await life.kill()
    shim.clear()
    const next = await working()
    expect(next.count('total 0 0') + next.count('total 1 0')).toBe(2)
  })
})

test('a store is not born on a full disk: refused, and not a crash of LMDB over the page that it could not write', () => {
  const disk = join(directory, 'disk')
  mkdirSync(disk)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]).status !== 0) {
    console.log('a birth on a full disk is not tested: no file system may be mounted here')
    return
  }
  try {
    const script = fileURLToPath(new URL('./support/commit-workload.js', import.meta.url))
    const path = join(disk, 'log')
    // A sixteenth is kept free. Of the rest: nothing, enough for LMDB, enough for the journal and not for what it is to become.
    for (const freeBytes of [0, 3 << 19, 4 << 20]) {
      writeFileSync(join(disk, 'fill'), Buffer.alloc((16 << 20) - (64 << 10) - freeBytes))
      if (freeBytes === 0) expect(() => writeFileSync(join(disk, 'rest'), Buffer.alloc(1 << 20))).toThrow('ENOSPC')
      const { stdout, stderr, signal } = spawnSync(process.execPath, [script, path, '1', '1'], { encoding: 'utf8' })
      expect(signal).toBe(null)
      expect(stdout).toBe('')
      expect(stderr).toContain("code: 'DISK_FULL'")
      rmSync(join(disk, 'rest'), { force: true })
      rmSync(join(disk, 'fill'))
    }
    const store = new LmdbLogStore({ path, voterId: VOTER })
    store.create([0])
    store.close()
  } finally {
    spawnSync('umount', [disk])
  }
})
