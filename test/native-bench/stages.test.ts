import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { commandPaths, pathOf } from '../../native-bench/stages/command-path.js'
import type { NodeView } from '../../native-bench/stages/node-insight.js'
import { profileSummary, selfTimes } from '../../native-bench/stages/profile-summary.js'
import { parseSchedstat } from '../../native-bench/stages/thread-times.js'
import { timeBudget } from '../../native-bench/stages/time-budget.js'
import { WORKER_COUNTERS } from '../../src/codec/worker-counters.js'
import type { StageSample } from '../../src/index.js'

const dir = mkdtempSync(join(tmpdir(), 'shardpaxos-stages-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** The figures of a table's row. */
function figuresOf(text: string, row: string): number[] {
  const line = text.split('\n').find((candidate) => candidate.trimStart().startsWith(`${row}  `))
  if (line === undefined) throw new Error(`no row ${row} in\n${text}`)
  return [
    ...line
      .trim()
      .slice(row.length)
      .matchAll(/(?<= )-?\d[\d.]*/g),
  ].map(([figure]) => Number(figure))
}

const worker = { read: 2, accepted: undefined, sent: 3, committed: 7, chosen: 9, executed: 10 }
const sample: StageSample = {
  group: 0,
  instance: 1,
  proposed: 0,
  published: 1,
  worker,
  collected: 4,
  linked: 5,
  answered: 12,
  resumed: 15,
}

describe('the way of a command', () => {
  test('its parts add up to the whole, in µs', () => {
    const text = commandPaths([{ sample, peers: [] }])
    const rows = ['host queue', 'inbox', 'step', 'commit', 'peers', 'execute', 'outbox', 'reply']
    expect(rows.map((row) => figuresOf(text, row)[0])).toEqual([1000, 1000, 1000, 4000, 2000, 1000, 2000, 3000])
    expect(figuresOf(text, 'propose to resumption')).toEqual([15_000, 15_000, 15_000, 100])
    expect(text).not.toMatch(/Beside the commit/)
  })

  test('what a majority had before the own disk is not waited for after it', () => {
    expect(pathOf({ ...sample, worker: { ...worker, committed: 9.5 } })).toEqual([0, 1, 2, 3, 9, 9, 10, 12, 15])
    expect(pathOf({ ...sample, worker: { ...worker, committed: undefined } })?.[4]).toBe(9)
  })

  test('a command that another node led, or that is forgotten, is left out', () => {
    expect(pathOf({ ...sample, worker: { ...worker, sent: undefined } })).toBeUndefined()
    expect(commandPaths([{ sample: { ...sample, worker: { ...worker, chosen: undefined } }, peers: [] }])).toMatch(
      /no command/,
    )
  })

  test('of the peers the one counts that had it on disk first; one that has forgotten it does not', () => {
    const peers = [
      [6, 8.5],
      [5.5, 8],
      [5.1, null],
    ] as const
    const beside = commandPaths([{ sample, peers }]).split('Beside the commit')[1] as string
    const rows = ['outbox', 'link out', 'to the peer', 'commit', 'back', 'sent to chosen']
    expect(rows.map((row) => figuresOf(beside, row)[0])).toEqual([1000, 1000, 500, 2500, 1000, 6000])
  })
})

describe('the budget of time', () => {
  const none = Object.fromEntries(WORKER_COUNTERS.map((name) => [name, 0])) as NodeView['workers'][number]['counters']
  const main = {
    turns: 0,
    repliesMs: 0,
    routeMs: 0,
    callersMs: 0,
    flushMs: 0,
    linkMs: 0,
    receiveMs: 0,
    activeMs: 0,
    idleMs: 0,
  }
  const before: NodeView = {
    node: 1,
    cpuMs: 0,
    leads: 1,
    main,
    workers: [{ worker: 0, groups: [0], counters: { ...none, osThread: 8 } }],
    threads: {},
    mainThread: 7,
  }
  const counters = { ...none, osThread: 8, instancesExecuted: 100, rounds: 250, commitMs: 600, parkedMs: 400 }
  const after: NodeView = {
    ...before,
    cpuMs: 900,
    main: { ...main, turns: 400, repliesMs: 100, callersMs: 200, activeMs: 500, idleMs: 500 },
    workers: [{ worker: 0, groups: [0], counters }],
    threads: { 7: { cpuMs: 450, waitedMs: 50 }, 8: { cpuMs: 350, waitedMs: 100 } },
  }

  test('is what was counted between two views, by command, by instance and of the time', () => {
    const text = timeBudget(before, after, 1_000, 1)
    expect(text).toMatch(/10\.0 commands an instance, 2\.50 rounds and 4\.00 turns an instance/)
    expect(figuresOf(text, 'outboxes: results to promises')).toEqual([100, 1000, 10])
    expect(figuresOf(text, 'rest: sockets, libuv, application')).toEqual([200, 2000, 20])
    expect(figuresOf(text, 'commits of the log')).toEqual([600, 6000, 60])
    expect(figuresOf(text, 'main thread')).toEqual([450, 4500, 45, 5])
    expect(figuresOf(text, 'group threads')).toEqual([350, 3500, 35, 10])
    expect(figuresOf(text, 'all others (V8, libuv)')).toEqual([100, 1000, 10])
  })

  test('says nothing of threads that the system does not tell of', () => {
    const text = timeBudget(before, { ...after, threads: {} }, 1_000, 1)
    expect(text).not.toMatch(/all others/)
    expect(figuresOf(text, 'the process')).toEqual([900, 9000, 90])
  })

  test('reads what Linux says of a thread', () => {
    expect(parseSchedstat('1500000 250000 12\n')).toEqual({ cpuMs: 1.5, waitedMs: 0.25 })
    expect(parseSchedstat('')).toBeUndefined()
  })
})

describe('a summary of CPU profiles', () => {
  const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 1 })
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(root)'), children: [2, 3] },
      { id: 2, callFrame: frame('runLoop', 'file:///app/dist/src/worker/run-loop.js'), children: [4, 5] },
      { id: 3, callFrame: frame('(idle)') },
      { id: 4, callFrame: frame('finishTxn', 'file:///app/node_modules/lmdb/write.js'), children: [6] },
      { id: 5, callFrame: frame('park', 'file:///app/dist/src/ring/doorbell.js') },
      { id: 6, callFrame: frame('') },
    ],
    samples: [2, 6, 5, 2],
    timeDeltas: [0, 1000, 3000, 6000],
  }

  test('counts each sample until the next one, native code under its caller', () => {
    expect([...selfTimes(profile)]).toEqual([
      ['runLoop src/worker/run-loop.js', 1000],
      ['(native) < finishTxn lmdb/write.js', 3000],
      ['park src/ring/doorbell.js', 6000],
    ])
  })

  test('puts together the files of a kind of thread, its sleep apart', () => {
    const paths = ['node-1-worker-1.cpuprofile', 'node-2-worker-9.cpuprofile'].map((name) => join(dir, name))
    for (const path of paths) writeFileSync(path, JSON.stringify(profile))
    const text = profileSummary(paths)
    expect(text).toMatch(/2 group threads, awake 30\.0 % of the time/)
    expect(text).toMatch(/\(native\) < finishTxn lmdb\/write\.js +100\.0 % +6 ms/)
    expect(text).not.toMatch(/park/)
  })
})

describe('npm run bench -- --stages --profile', () => {
  const profiles = join(dir, 'profiles')
  let output = ''
  beforeAll(() => {
    const bench = new URL('../../native-bench/bench.js', import.meta.url).pathname
    const load = ['--groups', '2', '--threads', '2', '--callers', '8', '--seconds', '1', '--warm-up', '0.3']
    const ran = spawnSync(process.execPath, [bench, ...load, '--stages', '--profile', profiles], { encoding: 'utf8' })
    output = ran.stdout
    if (ran.status !== 0) throw new Error(`${ran.status}: ${ran.stdout}\n${ran.stderr}`)
  })

  test('prints the way of commands, with the part of the peers, and the time of a leader and of a follower', () => {
    const parts = ['host queue', 'inbox', 'step', 'commit', 'peers', 'execute', 'outbox', 'reply']
    const sum = parts.reduce((total, row) => total + figuresOf(output, row)[0]!, 0)
    const [whole] = figuresOf(output, 'propose to resumption') as [number]
    expect(Math.abs(sum - whole)).toBeLessThan(10)
    expect(figuresOf(output, 'sent to chosen')[0]).toBeGreaterThan(0)
    expect(output).toMatch(/Node 1 \(leads 2 groups\)/)
    expect(output).toMatch(/Node 2 \(follows\)/)
    for (const row of ['commits of the log', 'callers go on and propose', 'the process'])
      expect(figuresOf(output, row)[0]).toBeGreaterThan(0)
  })

  test('writes a profile of every thread of every node: the main threads, and those of the groups', () => {
    const files = readdirSync(profiles).sort()
    const threads = ['main', 'worker-1', 'worker-2']
    expect(files).toEqual([1, 2, 3].flatMap((node) => threads.map((thread) => `node-${node}-${thread}.cpuprofile`)))
    for (const file of files) {
      const { samples } = JSON.parse(readFileSync(join(profiles, file), 'utf8'))
      expect(samples.length).toBeGreaterThan(10)
    }
    expect(output).toMatch(/3 main threads, awake/)
    expect(output).toMatch(/6 group threads, awake/)
  })
})
