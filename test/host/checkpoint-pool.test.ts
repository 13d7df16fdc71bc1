import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type CheckpointJob, CheckpointPool, type CheckpointPoolOptions } from '../../src/host/checkpoint-pool.js'
import { until } from './local-cluster.js'

let root: string
let pool: CheckpointPool
let opened: number[]

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'checkpoint-pool-'))
  opened = []
})
afterEach(async () => {
  expect(await pool.stop(5_000)).toEqual([])
  rmSync(root, { recursive: true })
})

function begin(options: Partial<CheckpointPoolOptions> = {}, worker = 'told'): void {
  const workerUrl = new URL(`../support/checkpoint-workers/${worker}.js`, import.meta.url)
  pool = new CheckpointPool({ threads: 1, heapMegabytes: 64, workerUrl, ...options })
}

/** Of `group`; the worker does what is `told`. */
function run(group: number, told: string) {
  const job: CheckpointJob = {
    request: { instance: group * 100, inlinePath: '', replay: false, asked: 0 },
    group,
    clusterId: '',
    membership: { version: 0, voters: [] },
    directory: told,
    logPath: join(root, `go-${group}`),
    statePath: '',
    stateMachines: [],
    maxResultBytes: 0,
    sessionInstances: 0,
    createdAt: 0,
  }
  const promise = pool.run(job, () => opened.push(group))
  promise.catch(() => undefined)
  return promise
}

const go = (group: number) => writeFileSync(join(root, `go-${group}`), '')

describe('tasks', () => {
  test('are run one after another on a thread that is started for the first and kept for the next', async () => {
    begin()
    const first = run(1, 'wait')
    const second = run(2, 'quick')
    await until(() => opened.length > 0)
    expect(opened).toEqual([1])
    go(1)
    const [one, two] = await Promise.all([first, second])
    expect(one).toEqual({ instance: 100, id: expect.any(Number), manifestBytes: 1, dataBytes: 2, snapshotMs: 3 })
    expect(two).toMatchObject({ instance: 200, id: one.id })
  })

  test('are run side by side, as many as there are threads', async () => {
    begin({ threads: 2 })
    const both = [run(1, 'wait'), run(2, 'wait')]
    const third = run(3, 'quick')
    await until(() => opened.length === 2)
    expect([...opened].sort()).toEqual([1, 2])
    go(2)
    await third
    go(1)
    await Promise.all(both)
  })

  test('fail with code and message, and the next one is run', async () => {
    begin()
    await expect(run(1, 'throw')).rejects.toMatchObject({ code: 'DISK_FULL', message: 'no paper' })
    await expect(run(2, 'quick')).resolves.toMatchObject({ instance: 200 })
  })

  test('whose heap is full say which option to raise, and the next one is run', async () => {
    begin()
    const failure = { code: 'WORKER_OUT_OF_MEMORY', message: expect.stringMatching(/memory\.checkpointHeapMegabytes/) }
    await expect(run(1, 'hog')).rejects.toMatchObject(failure)
    await expect(run(2, 'quick')).resolves.toMatchObject({ instance: 200 })
  })

  test('whose thread does not start fail, those that wait for it too', async () => {
    begin({}, 'broken')
    const both = [run(1, 'quick'), run(2, 'quick')]
    for (const one of both) await expect(one).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' })
  })

  test('that show no sign of life are ended, and the next one is run', async () => {
    begin({ stuckMs: 1_000 })
    const stuck = { code: 'WORKER_STUCK', message: expect.stringMatching(/a state machine/) }
    await warm()
    await expect(run(1, 'loop')).rejects.toMatchObject(stuck)
    await warm()
  })

  test('that show signs of life may take as long as they want, and so may who waits for a thread', async () => {
    begin({ stuckMs: 1_000 })
    await warm()
    const slow = run(2, 'wait')
    const waiting = run(3, 'quick')
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    go(2)
    await expect(slow).resolves.toMatchObject({ instance: 200 })
    await expect(waiting).resolves.toMatchObject({ instance: 300 })
  })

  /** On a busy machine the start of a thread may take longer than such a bound. */
  async function warm(): Promise<void> {
    for (let isThere = false; !isThere; )
      isThere = await run(9, 'quick').then(
        () => true,
        () => false,
      )
  }
})

describe('the end', () => {
  test('comes to tasks that run and to tasks that wait, and to those that come after it', async () => {
    begin()
    const tasks = [run(1, 'loop'), run(2, 'quick')]
    await until(() => opened.length === 1)
    expect(await pool.stop(5_000)).toEqual([])
    for (const task of [...tasks, run(3, 'quick')]) await expect(task).rejects.toMatchObject({ code: 'NODE_STOPPED' })
  })

  test('comes to a task whose thread has hardly begun', async () => {
    begin()
    const task = run(1, 'loop')
    expect(await pool.stop(5_000)).toEqual([])
    await expect(task).rejects.toMatchObject({ code: 'NODE_STOPPED' })
  })

  test('waits for one in a native call, and names it if that lasts', async () => {
    begin()
    const task = run(7, 'commit')
    await until(() => opened.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await pool.stop(50)).toEqual([7])
    go(7)
    await expect(task).resolves.toMatchObject({ instance: 700 })
  })
})
