import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Piscina } from 'piscina'
import { WORKER_COUNTERS } from '../../src/codec/worker-counters.js'
import { DEFAULT_TUNING } from '../../src/core/config.js'
import { TIMER_KINDS } from '../../src/core/timers.js'
import { allocateDoorbell } from '../../src/ring/doorbell.js'
import { allocateSequences } from '../../src/ring/sequences.js'
import { allocateTally } from '../../src/ring/tally.js'
import { allocateWorkerMemory } from '../../src/ring/worker-memory.js'
import { QUIET_POLICIES, workerStore } from '../support/worker-policies.js'
import { TestHost } from './support/test-host.js'

let root: string
let pool: Piscina

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'group-worker-'))
  const filename = fileURLToPath(new URL('../../workers/group-worker.js', import.meta.url))
  pool = new Piscina({
    filename,
    minThreads: 1,
    maxThreads: 1,
    atomics: 'disabled',
    idleTimeout: Number.POSITIVE_INFINITY,
  })
})
afterEach(async () => {
  await pool.destroy()
  rmSync(root, { recursive: true })
})

function taskOf(stateMachines: string[]) {
  const memory = allocateWorkerMemory({
    controlBytes: 1 << 20,
    commandBytes: 1 << 20,
    outboxBytes: 1 << 20,
    groups: 1,
    timersPerGroup: TIMER_KINDS.length,
    counterNames: WORKER_COUNTERS,
    hostBell: allocateDoorbell(),
  })
  const voterId = '00000000000000aa'
  const limits = {
    maxCommandBytes: 1 << 20,
    maxResultBytes: 1 << 20,
    executionBudgetMs: 50,
    maxWaitingBytes: 1 << 20,
    maxMessageBytes: 1 << 26,
  }
  const task = {
    worker: 0,
    memory,
    catchUps: allocateTally(1),
    sequences: allocateSequences([0]),
    nodeId: 1,
    voterId,
    incarnation: '0000000000000001',
    peers: [1],
    stores: [workerStore(join(root, 'store'), [0])],
    voters: [{ nodeId: 1, voterId }],
    proposeOn: 'leader',
    tuning: DEFAULT_TUNING,
    seed: 1,
    stateMachines,
    limits,
    ...QUIET_POLICIES,
    flushDelayMs: 2,
    hostNow: performance.now(),
    createGroups: [0],
  }
  return { task, host: new TestHost(memory, [1], [0]) }
}

async function until(host: TestHost, done: () => boolean): Promise<void> {
  for (let k = 0; !done(); k++) {
    if (k > 20_000) throw new Error('the worker does not answer')
    await new Promise((resolve) => setTimeout(resolve, 1))
    host.pump(performance.now())
    host.fireTimers(performance.now())
  }
}

test('a thread says ready, answers commands, sleeps, wakes, and returns when told to stop', async () => {
  const machine = new URL('./support/counter-machine.js', import.meta.url).href
  const { task, host } = taskOf([machine])
  const ended = pool.run(task)
  await until(host, () => host.events.length > 0)
  expect(host.events[0]).toEqual({ group: 0xffff, event: { kind: 'state', state: 'ready', fields: {} } })
  for (let k = 1; k <= 3; k++) {
    host.propose(0, { add: k })
    await until(host, () => host.replies.length === k)
  }
  expect(host.replies.map((reply) => reply.result)).toEqual([1, 3, 6])
  host.stop()
  await ended
  host.pump(0)
  expect(host.statuses.get(0)).toMatchObject({ state: 'stopped', executedUpTo: 4 })
  const counters = host.end.counters.readAll()
  expect(counters.commandsExecuted).toBe(3)
  expect(counters.parks).toBeGreaterThan(0)
  // flushDelayMs makes every commit so much longer.
  expect((counters.commitMs as number) / (counters.commits as number)).toBeGreaterThanOrEqual(2)
})

test('what goes wrong before the loop comes out as code and message', async () => {
  const { task } = taskOf(['file:///nowhere.mjs'])
  await expect(pool.run(task)).rejects.toMatchObject({ code: 'STATE_MACHINE_INVALID' })
})
